"""One image and one filter by every method: time, peak memory and error, forward and backward.

``asv run --bench conv2d`` runs it under asv, ``python -m benchmarks.conv2d`` under pyperf.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from benchmarks import cases, operands, reference
from benchmarks.cases import Case, Direction, Threads
from benchmarks.pyperf_main import Task, main
from benchmarks.sampling import Sampled


class _Float32:
    """The full grid."""

    params: tuple[list[object], ...] = (
        list(cases.METHODS),
        list(cases.INPUT_SIZES),
        list(cases.FILTER_SIZES),
    )
    param_names: tuple[str, ...] = ("method", "input", "filter")

    case: Callable[..., Case] = Case


def _diagonal_case(method: str, sizes: str) -> Case:
    input_size, filter_size = (int(size) for size in sizes.split("/"))
    return Case(method, input_size, filter_size, "float64")


class _Float64:
    """The diagonal of the grid, where input and filter grow together."""

    params: tuple[list[object], ...] = (
        list(cases.METHODS),
        [f"{n}/{k}" for n, k in cases.DIAGONAL],
    )
    param_names: tuple[str, ...] = ("method", "input/filter")

    case: Callable[..., Case] = staticmethod(_diagonal_case)


class _Timed(Sampled):
    """Samples a case in one direction, with all threads or with one."""

    direction: Direction
    params: tuple[list[object], ...] = (
        list(cases.METHODS),
        list(cases.THREADS),
        *_Float32.params[1:],
    )
    param_names: tuple[str, ...] = ("method", "threads", *_Float32.param_names[1:])

    def setup(self, *params: Any) -> None:
        """Sample the cell, or skip it."""
        case, threads = self.cell(*params)
        reason = case.threads_skip_reason(threads)
        if reason is not None:
            raise NotImplementedError(reason)
        make_call = partial(operands.measured_call, case, self.direction)
        self.prepare((case, threads), make_call, threads)

    def cell(self, *params: Any) -> tuple[Case, Threads]:
        """Return the case and the number of threads that asv's parameters mean."""
        method, threads, *sizes = params
        return Case(method, *sizes), threads


class Forward(_Timed):
    """Seconds of the layer's output, in float32, with nothing recorded for gradients."""

    direction = "forward"

    def time_forward(self, *_: object) -> None:
        """One call of the layer."""
        self.sample()


class Backward(_Timed):
    """Seconds of the gradients of input, filter and bias together, without the output."""

    direction = "backward"

    def time_backward(self, *_: object) -> None:
        """One call of the three gradients."""
        self.sample()


class ForwardFloat64(_Float64, Forward):
    """`Forward` in float64, with all threads."""

    def cell(self, *params: Any) -> tuple[Case, Threads]:
        """Return the case that asv's parameters mean."""
        return self.case(*params), "all"


class BackwardFloat64(_Float64, Backward):
    """`Backward` in float64, with all threads."""

    def cell(self, *params: Any) -> tuple[Case, Threads]:
        """Return the case that asv's parameters mean."""
        return self.case(*params), "all"


class Memory(_Float32):
    """Peak memory of a process that makes the call once.

    `package.Reference.peakmem_nothing` is the same process without the call: subtract it.
    """

    version = "1"
    params = (list(cases.DIRECTIONS), *_Float32.params)
    param_names = ("direction", *_Float32.param_names)

    def setup(self, direction: Direction, *params: Any) -> None:
        """Make the cell's operands, or skip the cell."""
        self.call = operands.measured_call(self.case(*params), direction)

    def peakmem_call(self, *_: object) -> None:
        """One call of the layer, or of its gradients."""
        self.call()


class Accuracy(_Float32):
    """Largest error of the output, or of the gradients of input and filter.

    It is relative to the largest value of the same tensor.
    """

    version = "1"
    unit = "relative error"
    params = (list(cases.DIRECTIONS), *_Float32.params)
    param_names = ("direction", *_Float32.param_names)

    def setup(self, direction: Direction, *params: Any) -> None:
        """Make the cell's operands, or skip the cell."""
        self.measurement = reference.Measurement(self.case(*params), direction)

    def track_error(self, *_: object) -> float:
        """Deviation from float64."""
        return self.measurement.error()


class AccuracyFloat64(_Float64, Accuracy):
    """`Accuracy` in float64."""

    params = (list(cases.DIRECTIONS), *_Float64.params)
    param_names = ("direction", *_Float64.param_names)


def tasks() -> list[Task]:
    """Return every cell of this module, named as pyperf reports it."""
    return [
        Task(
            f"{direction}-{case.method}-{case.input_size}-{case.filter_size}-{case.dtype}",
            partial(operands.measured_call, case, direction),
            operands.missing_layer(case.method) or case.skip_reason(direction),
        )
        for direction in cases.DIRECTIONS
        for case in [*cases.float32_grid(), *cases.float64_diagonal()]
    ]


if __name__ == "__main__":
    main("benchmarks.conv2d", tasks())
