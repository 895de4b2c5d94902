"""The convolutions of whole networks, from their published tables of layers; inputs of 224².

Two-dimensional convolutions alone: what lies between them is the same whichever method computes
them. Where a network has a linear layer over channels, it is the convolution with 1x1 that it is.

Nothing here imports torch, so that a report can read the tables without it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from benchmarks.cases import BUDGET_VARIABLE, Direction, budget_s

METHODS = ("native", "auto")
BATCHES = (1, 8)
#: A network is many calls: so many times the budget of a cell of one call.
_CALLS = 15
# Multiply-adds per second; they only decide what is skipped.
_DENSE_MACS_PER_S, _DEPTHWISE_MACS_PER_S = 30e9, 5e9


@dataclass(frozen=True)
class Conv:
    """A convolution with a square filter, as often as a network has it one after the other."""

    in_channels: int
    out_channels: int
    size: int
    """Side of the input."""
    kernel: int = 3
    stride: int = 1
    groups: int = 1
    count: int = 1

    @property
    def padding(self) -> int:
        """Half of an odd filter; patches, whose filters are even, have none."""
        return self.kernel // 2 if self.kernel % 2 else 0

    @property
    def weights(self) -> int:
        """Weights of all of them."""
        per_group = self.in_channels // self.groups
        return self.count * self.out_channels * per_group * self.kernel**2

    @property
    def macs(self) -> int:
        """Multiply-adds of all of them for one image."""
        out = (self.size + 2 * self.padding - self.kernel) // self.stride + 1
        return self.weights * out**2


def _pointwise(in_channels: int, out_channels: int, size: int, count: int = 1) -> Conv:
    return Conv(in_channels, out_channels, size, kernel=1, count=count)


def _depthwise(channels: int, size: int, kernel: int, stride: int = 1, count: int = 1) -> Conv:
    return Conv(channels, channels, size, kernel, stride, channels, count)


def _vgg_16() -> Iterator[Conv]:
    before = 3
    for stage, (channels, count) in enumerate([(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)]):
        size = 224 >> stage
        yield Conv(before, channels, size)
        yield Conv(channels, channels, size, count=count - 1)
        before = channels


def _resnet_50() -> Iterator[Conv]:
    """Strides are those of the 3x3, as in torchvision and most others since the paper."""
    yield Conv(3, 64, 224, kernel=7, stride=2)
    before, size = 64, 56
    for stage, blocks in enumerate([3, 4, 6, 3]):
        narrow, stride = 64 << stage, 2 if stage else 1
        wide, after = 4 * narrow, size // stride
        yield _pointwise(before, narrow, size)
        yield Conv(narrow, narrow, size, stride=stride)
        yield _pointwise(narrow, wide, after)
        yield replace(_pointwise(before, wide, size), stride=stride)
        yield _pointwise(wide, narrow, after, blocks - 1)
        yield Conv(narrow, narrow, after, count=blocks - 1)
        yield _pointwise(narrow, wide, after, blocks - 1)
        before, size = wide, after


def _u_net() -> Iterator[Conv]:
    """With padding that keeps sides; the transposed convolutions between stages are left out."""
    before = 3
    for stage in range(5):
        channels, size = 64 << stage, 224 >> stage
        yield Conv(before, channels, size)
        yield Conv(channels, channels, size)
        before = channels
    for stage in (3, 2, 1, 0):
        channels, size = 64 << stage, 224 >> stage
        yield Conv(2 * channels, channels, size)
        yield Conv(channels, channels, size)
    yield _pointwise(64, 2, 224)


def _convnext_t() -> Iterator[Conv]:
    yield Conv(3, 96, 224, kernel=4, stride=4)
    for stage, blocks in enumerate([3, 3, 9, 3]):
        channels, size = 96 << stage, 56 >> stage
        if stage:
            yield Conv(channels // 2, channels, 2 * size, kernel=2, stride=2)
        yield _depthwise(channels, size, 7, count=blocks)
        yield _pointwise(channels, 4 * channels, size, blocks)
        yield _pointwise(4 * channels, channels, size, blocks)


def _replknet_31b() -> Iterator[Conv]:
    """With the small filters merged into the large ones, as the network is used."""
    yield Conv(3, 128, 224, stride=2)
    yield _depthwise(128, 112, 3)
    yield _pointwise(128, 128, 112)
    yield _depthwise(128, 112, 3, stride=2)
    for stage, (kernel, blocks) in enumerate([(31, 2), (29, 2), (27, 18), (13, 2)]):
        channels, size = 128 << stage, 56 >> stage
        if stage:
            yield _pointwise(channels // 2, channels, 2 * size)
            yield _depthwise(channels, 2 * size, 3, stride=2)
        yield _pointwise(channels, channels, size, 2 * blocks)
        yield _depthwise(channels, size, kernel, count=blocks)
        yield _pointwise(channels, 4 * channels, size, blocks)
        yield _pointwise(4 * channels, channels, size, blocks)


NETWORKS: dict[str, tuple[Conv, ...]] = {
    "ResNet-50": tuple(_resnet_50()),
    "ConvNeXt-T": tuple(_convnext_t()),
    "VGG-16": tuple(_vgg_16()),
    "U-Net": tuple(_u_net()),
    "RepLKNet-31B": tuple(_replknet_31b()),
}


@dataclass(frozen=True)
class NetworkCase:
    """All convolutions of a network by one method, in float32."""

    method: str
    network: str
    batch: int

    @property
    def convs(self) -> tuple[Conv, ...]:
        """The layers behind the name."""
        return NETWORKS[self.network]

    def predicted_s(self, direction: Direction) -> float:
        """Return about the seconds by torch; "backward" is a training step, with the output."""
        maps = 1 if direction == "forward" else 3
        return maps * sum(
            self.batch * conv.macs / (_DENSE_MACS_PER_S if conv.groups == 1 else
                                      _DEPTHWISE_MACS_PER_S)
            for conv in self.convs
        )  # fmt: skip

    def skip_reason(self, direction: Direction) -> str | None:
        """Say in a sentence why this cell is not measured, or return None if it is."""
        predicted, budget = self.predicted_s(direction), _CALLS * budget_s()
        if predicted <= budget:
            return None
        return (
            f"{self.network} with a batch of {self.batch}, {direction}, is skipped: it would take "
            f"about {predicted:.0f} s, over the budget of {budget:g} s "
            f"({BUDGET_VARIABLE} changes it, {_CALLS} times what that says)."
        )


def grid() -> list[NetworkCase]:
    """Every method on every network with every batch."""
    return [NetworkCase(m, name, n) for m in METHODS for name in NETWORKS for n in BATCHES]
