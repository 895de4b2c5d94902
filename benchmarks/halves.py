"""One image and one filter in bfloat16 and float16, along the diagonal of the grid."""

from typing import Any

from benchmarks import cases
from benchmarks.cases import Case, Threads
from benchmarks.conv2d import _Timed

#: scipy's methods know neither; ours compute in float32 and round.
METHODS = ("native", "compiled", "overlap_save", "auto")
DTYPES = ("bfloat16", "float16")


class _Halves(_Timed):
    """Samples a case with all threads."""

    params: tuple[list[object], ...] = (
        list(METHODS),
        list(DTYPES),
        [f"{n}/{k}" for n, k in cases.DIAGONAL],
    )
    param_names: tuple[str, ...] = ("method", "dtype", "input/filter")

    def cell(self, *params: Any) -> tuple[Case, Threads]:
        """Return the case that asv's parameters mean."""
        method, dtype, sizes = params
        input_size, filter_size = (int(size) for size in sizes.split("/"))
        return Case(method, input_size, filter_size, dtype), "all"


class ForwardHalf(_Halves):
    """Seconds of the layer's output, with nothing recorded for gradients."""

    direction = "forward"

    def time_forward(self, *_: object) -> None:
        """One call of the layer."""
        self.sample()


class BackwardHalf(_Halves):
    """Seconds of the gradients of input, filter and bias together, without the output."""

    direction = "backward"

    def time_backward(self, *_: object) -> None:
        """One call of the three gradients."""
        self.sample()
