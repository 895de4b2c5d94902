"""One image and one filter by every method: time, peak memory and error, forward and backward.

``asv run --bench conv2d`` runs it under asv, ``python -m benchmarks.conv2d`` under pyperf.
"""

from functools import partial

from benchmarks import cases, operands, reference
from benchmarks.cases import Case, Direction
from benchmarks.pyperf_main import Task, main
from benchmarks.sampling import Sampled


class _Float32(Sampled):
    """The full grid."""

    params = (list(cases.METHODS), list(cases.INPUT_SIZES), list(cases.FILTER_SIZES))
    param_names = ("method", "input", "filter")
    direction: Direction

    def setup(self, method: str, input_size: int, filter_size: int) -> None:
        """Make the cell's operands, or skip the cell."""
        self.case = Case(method, input_size, filter_size)
        self.prepare(self.case, partial(operands.measured_call, self.case, self.direction))


class _Float64(Sampled):
    """The diagonal of the grid, where input and filter grow together."""

    params = (list(cases.METHODS), [f"{n}/{k}" for n, k in cases.DIAGONAL])
    param_names = ("method", "input/filter")
    direction: Direction

    def setup(self, method: str, sizes: str) -> None:
        """Make the cell's operands, or skip the cell."""
        input_size, filter_size = (int(size) for size in sizes.split("/"))
        self.case = Case(method, input_size, filter_size, "float64")
        self.prepare(self.case, partial(operands.measured_call, self.case, self.direction))


class Forward(_Float32):
    """The layer's output, in float32, with nothing recorded for gradients."""

    direction = "forward"

    def time_forward(self, *_: object) -> None:
        """Seconds of one call of the layer."""
        self.sample()

    def peakmem_forward(self, *_: object) -> None:
        """Peak memory of the process; package.Reference.peakmem_nothing is without the call."""
        self.call()

    def track_error_forward(self, *_: object) -> float:
        """Largest error of the output, relative to its largest value."""
        return reference.error(self.case, "forward")

    track_error_forward.unit = "relative error"  # type: ignore[attr-defined]


class Backward(_Float32):
    """The gradients of input, filter and bias, in float32, without the output."""

    direction = "backward"

    def time_backward(self, *_: object) -> None:
        """Seconds of one call of the three gradients together."""
        self.sample()

    def peakmem_backward(self, *_: object) -> None:
        """Peak memory of the process; package.Reference.peakmem_nothing is without the call."""
        self.call()

    def track_error_backward(self, *_: object) -> float:
        """Largest error of any of the gradients, relative to its largest value."""
        return reference.error(self.case, "backward")

    track_error_backward.unit = "relative error"  # type: ignore[attr-defined]


class ForwardFloat64(_Float64):
    """`Forward` in float64."""

    direction = "forward"

    def time_forward(self, *_: object) -> None:
        """Seconds of one call of the layer."""
        self.sample()

    def track_error_forward(self, *_: object) -> float:
        """Largest error of the output, relative to its largest value."""
        return reference.error(self.case, "forward")

    track_error_forward.unit = "relative error"  # type: ignore[attr-defined]


class BackwardFloat64(_Float64):
    """`Backward` in float64."""

    direction = "backward"

    def time_backward(self, *_: object) -> None:
        """Seconds of one call of the three gradients together."""
        self.sample()

    def track_error_backward(self, *_: object) -> float:
        """Largest error of any of the gradients, relative to its largest value."""
        return reference.error(self.case, "backward")

    track_error_backward.unit = "relative error"  # type: ignore[attr-defined]


def tasks() -> list[Task]:
    """Return every cell of this module, named as pyperf reports it."""
    return [
        Task(
            f"{direction}-{case.method}-{case.input_size}-{case.filter_size}-{case.dtype}",
            partial(operands.measured_call, case, direction),
            case.skip_reason(direction) or operands.skip_reason(operands.LAYERS[case.method]),
        )
        for direction in cases.DIRECTIONS
        for case in [*cases.float32_grid(), *cases.float64_diagonal()]
    ]


if __name__ == "__main__":
    main("benchmarks.conv2d", tasks())
