"""The shapes that layers of networks have, beside the grid of single images in `cases`.

Nothing here imports torch, so that a report can read the grid without it.
"""

from dataclasses import dataclass

from benchmarks import registered
from benchmarks.cases import BUDGET_VARIABLE, Direction, budget_s

METHODS = (
    "direct", "fft", "native", "matmul", "compiled", "overlap_save", "auto", *registered.names()
)  # fmt: skip
FILTER_SIZES = (1, 3, 7, 15, 31)

# Multiply-adds per second on one or two cores; they only decide what is skipped.
_DIRECT_MACS_PER_S = 0.9e9
_NATIVE_DENSE_MACS_PER_S = 30e9
_NATIVE_DEPTHWISE_MACS_PER_S = 5e9
_COMPILED_MACS_PER_S = 30e9
# A number of the matrix of patches, which a filter of more than a pixel needs.
_COLUMN_S = 1e-9
# With many channels, overlap_save's seconds go into products of spectra.
_SPECTRAL_S_PER_PIXEL = 0.5e-9
_MANY_CHANNELS = 8
# fft transforms three planes for each product of an input plane and a filter plane.
_FFT_S_PER_PIXEL = 30e-9


@dataclass(frozen=True)
class Layer:
    """Batch, channels and image side of one layer; padding keeps the side as it is."""

    batch: int
    in_channels: int
    out_channels: int
    groups: int
    size: int

    @property
    def products(self) -> int:
        """Pairs of an input plane and a filter plane."""
        return self.batch * self.out_channels * self.in_channels // self.groups


LAYERS = {
    "1 to 16": Layer(8, 1, 16, 1, 128),
    "3 to 16": Layer(8, 3, 16, 1, 128),
    "16 to 16": Layer(8, 16, 16, 1, 64),
    "64 to 64": Layer(8, 64, 64, 1, 56),
    "16 to 16, one of 224": Layer(1, 16, 16, 1, 224),
    "32 to 32": Layer(4, 32, 32, 1, 64),
    "64 to 64, one of 112": Layer(1, 64, 64, 1, 112),
    "128 to 128": Layer(8, 128, 128, 1, 28),
    "128 to 128, one of 128": Layer(1, 128, 128, 1, 128),
    "256 to 256, one of 56": Layer(1, 256, 256, 1, 56),
    "256 to 256, small": Layer(16, 256, 256, 1, 14),
    "512 to 512, small": Layer(16, 512, 512, 1, 7),
    "depthwise RGB": Layer(32, 3, 3, 3, 224),
    "depthwise 96": Layer(8, 96, 96, 96, 56),
    "depthwise 128": Layer(8, 128, 128, 128, 28),
}


@dataclass(frozen=True)
class LayerCase:
    """One layer with one square filter by one method, in float32."""

    method: str
    layer_name: str
    filter_size: int

    @property
    def layer(self) -> Layer:
        """The sizes behind the name."""
        return LAYERS[self.layer_name]

    @property
    def macs(self) -> int:
        """Multiply-adds of the direct sum."""
        return self.layer.products * (self.layer.size * self.filter_size) ** 2

    def predicted_s(self, direction: Direction) -> float:
        """Return the seconds that one call is expected to take, from its operation count."""
        maps = 1 if direction == "forward" else 2  # backward: the input's and the filter's
        if self.method == "fft":
            return maps * self._by_spectra_s(_FFT_S_PER_PIXEL)
        if self.method == "overlap_save":
            rate = _SPECTRAL_S_PER_PIXEL if self._is_dense else _FFT_S_PER_PIXEL
            return maps * self._by_spectra_s(rate)
        if self.method == "direct":
            return maps * self.macs / _DIRECT_MACS_PER_S
        if self.method == "compiled":
            return maps * self.macs / _COMPILED_MACS_PER_S
        if self.method == "matmul":
            planes = self.layer.batch * self.layer.in_channels
            columns = planes * (self.layer.size * self.filter_size) ** 2
            return maps * (self.macs / _NATIVE_DENSE_MACS_PER_S + columns * _COLUMN_S)
        depthwise = self.layer.groups == self.layer.in_channels > 1
        rate = _NATIVE_DEPTHWISE_MACS_PER_S if depthwise else _NATIVE_DENSE_MACS_PER_S
        native_s = maps * self.macs / rate
        if self.method == "auto" and self._is_dense:
            return min(native_s, maps * self._by_spectra_s(_SPECTRAL_S_PER_PIXEL))
        return native_s

    @property
    def _is_dense(self) -> bool:
        return self.layer.in_channels // self.layer.groups >= _MANY_CHANNELS

    def _by_spectra_s(self, s_per_pixel: float) -> float:
        """Return the seconds of one map, each pair of planes as long as an image with its halo."""
        padded = self.layer.size + self.filter_size - 1
        return self.layer.products * s_per_pixel * padded**2

    def skip_reason(self, direction: Direction) -> str | None:
        """Say in a sentence why this cell is not measured, or return None if it is."""
        predicted, budget = self.predicted_s(direction), budget_s()
        if predicted <= budget:
            return None
        k = self.filter_size
        return (
            f"{self.method} {direction} on {self.layer_name} with {k}x{k} is skipped: a call "
            f"would take about {predicted:.1f} s, over the budget of {budget:g} s "
            f"({BUDGET_VARIABLE} changes it)."
        )


def grid() -> list[LayerCase]:
    """Every method on every layer with every filter."""
    return [LayerCase(m, name, k) for m in METHODS for name in LAYERS for k in FILTER_SIZES]
