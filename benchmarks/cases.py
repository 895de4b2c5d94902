"""The grid: which cells are measured, and which would cost more than they are worth.

A case is one image, one filter and one method; a cell is a case in one direction, forward or
backward. Nothing here imports torch, so that a report can read the grid without it; only methods of
somebody's do (`registered`).
"""

import os
from dataclasses import dataclass
from typing import Literal

from benchmarks import registered

Direction = Literal["forward", "backward"]

# Without `matmul`: it is for filters of a pixel, or of patches side by side, which layers have.
METHODS = ("direct", "fft", "native", "compiled", "overlap_save", "auto", *registered.names())
INPUT_SIZES = (64, 128, 256, 512, 1024)
FILTER_SIZES = (3, 7, 15, 31, 63)
DIRECTIONS: tuple[Direction, ...] = ("forward", "backward")
Threads = Literal["all", 1]
THREADS: tuple[Threads, ...] = ("all", 1)
"""What torch uses unless it is told otherwise, and one alone."""

# These never use a second one.
_ONE_THREAD_METHODS = ("direct",)

DIAGONAL = tuple(zip(INPUT_SIZES, FILTER_SIZES, strict=True))
"""The pairs of input and filter size that are measured in float64 too."""

# Multiply-adds per second, as one core of a current machine does them in each method. They only
# decide what is skipped; they claim nothing, and being off by a factor of two does no harm.
_MACS_PER_S: dict[tuple[str, Direction], float] = {
    ("direct", "forward"): 0.9e9,
    ("direct", "backward"): 0.9e9,
    ("native", "forward"): 5e9,
    ("native", "backward"): 2e9,
    ("compiled", "forward"): 30e9,
    ("compiled", "backward"): 30e9,
}
# An FFT's cost depends on the input alone: seconds for one pixel of one transform, and the
# number of transforms (two there and one back, for each of the maps). `auto` is never slower.
_FFT_S_PER_PIXEL = 10e-9
_FFT_TRANSFORMS = 3
# Of a method of somebody's nothing is known: taken for one that works as im2col does.
_OTHER_MACS_PER_S = 2e9
_BY_TRANSFORM = ("fft", "overlap_save", "auto")

BUDGET_VARIABLE = "FFTCONV_CELL_BUDGET_S"
_DEFAULT_BUDGET_S = 1.0
_MEMORY_BUDGET_BYTES = 4 * 2**30
# Bytes of a number in the dtypes that torch copies the image for.
_IM2COL_BYTES = {"float64": 8, "bfloat16": 2, "float16": 2}
# Of torch's halves without instructions for them.
_HALF_MACS_PER_S = 0.4e9


def budget_s() -> float:
    """Return the seconds that one call of a cell may take, before it is skipped."""
    text = os.environ.get(BUDGET_VARIABLE)
    if text is None:
        return _DEFAULT_BUDGET_S
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not value > 0:
        raise ValueError(f"{BUDGET_VARIABLE} must be a positive number of seconds, got {text!r}")
    return value


@dataclass(frozen=True)
class Case:
    """One image (input_size squared), one filter (filter_size squared), one method."""

    method: str
    input_size: int
    filter_size: int
    dtype: str = "float32"

    @property
    def output_size(self) -> int:
        """Side of the valid cross-correlation, in pixels."""
        return self.input_size - self.filter_size + 1

    @property
    def is_half(self) -> bool:
        """Whether the dtype is bfloat16 or float16."""
        return self.dtype.endswith("16")

    @property
    def macs(self) -> int:
        """Multiply-adds of the direct sum: one for each output pixel and filter tap."""
        return (self.output_size * self.filter_size) ** 2

    def predicted_s(self, direction: Direction) -> float:
        """Return the seconds that one call is expected to take, from its operation count."""
        maps = 1 if direction == "forward" else 2  # backward: the input's and the filter's
        if self.method in _BY_TRANSFORM:
            return maps * _FFT_TRANSFORMS * _FFT_S_PER_PIXEL * self.input_size**2
        if self.method == "native" and self.is_half:
            return maps * self.macs / _HALF_MACS_PER_S
        return maps * self.macs / _MACS_PER_S.get((self.method, direction), _OTHER_MACS_PER_S)

    @property
    def predicted_bytes(self) -> int:
        """Bytes that one call is expected to need besides its operands.

        torch copies the image once for every tap of the filter (im2col), unless oneDNN takes
        the case, which it does in float32 alone. A method of somebody's might do so, too.
        """
        if self.method in registered.names():
            return _IM2COL_BYTES["float64"] * self.macs
        return _IM2COL_BYTES.get(self.dtype, 0) * self.macs if self.method == "native" else 0

    def skip_reason(self, direction: Direction) -> str | None:
        """Say in a sentence why this cell is not measured, or return None if it is."""
        predicted, budget = self.predicted_s(direction), budget_s()
        size, taps = self.input_size, self.filter_size
        cell = f"{self.method} {direction} in {self.dtype} on {size}x{size} with {taps}x{taps}"
        if predicted > budget:
            return (
                f"{cell} is skipped: {self.macs:.2g} multiply-adds would take about "
                f"{predicted:.1f} s a call, over the budget of {budget:g} s "
                f"({BUDGET_VARIABLE} changes it)."
            )
        if self.predicted_bytes > _MEMORY_BUDGET_BYTES:
            return (
                f"{cell} is skipped: its im2col copy of the image would take "
                f"{self.predicted_bytes / 2**30:.1f} GiB, over the budget of "
                f"{_MEMORY_BUDGET_BYTES / 2**30:g} GiB."
            )
        return None

    def threads_skip_reason(self, threads: Threads) -> str | None:
        """Say in a sentence why a number of threads is not measured, or return None if it is."""
        if threads == "all" or self.method not in _ONE_THREAD_METHODS:
            return None
        return f"{self.method} with 1 thread is skipped: it uses one in any case."


def float32_grid() -> list[Case]:
    """Every method at every input and filter size."""
    return [Case(m, n, k) for m in METHODS for n in INPUT_SIZES for k in FILTER_SIZES]


def float64_diagonal() -> list[Case]:
    """Every method along the grid's diagonal, in float64."""
    return [Case(m, n, k, "float64") for m in METHODS for n, k in DIAGONAL]
