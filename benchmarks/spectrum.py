"""The tutorial's parameter-free layer, with its wrong gradient and with the true one.

``asv run --bench spectrum`` runs it under asv, ``python -m benchmarks.spectrum`` under pyperf.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from benchmarks.cases import DIRECTIONS, INPUT_SIZES, Direction
from benchmarks.operands import seeded, skip_reason, subject
from benchmarks.pyperf_main import Task, main
from benchmarks.sampling import Sampled

# By numpy with the tutorial's wrong gradient, or by torch with the true one.
LAYERS = {"wrong": "incorrect_fft", "true": "fft_magnitude"}
DTYPES = ("float32", "float64")


def measured_call(
    gradient: str, size: int, dtype_name: str, direction: Direction
) -> Callable[[], object]:
    """Return the call that the cell measures."""
    layer = subject(LAYERS[gradient])
    dtype: torch.dtype = getattr(torch, dtype_name)
    x = seeded((size, size), dtype)
    if direction == "forward":
        return lambda: layer(x)
    x.requires_grad_()
    y: Tensor = layer(x)
    g = seeded(tuple(y.shape), dtype)
    return lambda: torch.autograd.grad(y, x, g, retain_graph=True)


class _Spectrum(Sampled):
    params = (list(LAYERS), list(INPUT_SIZES), list(DTYPES))
    param_names = ("gradient", "input", "dtype")
    direction: Direction

    def setup(self, gradient: str, size: int, dtype: str) -> None:
        """Make the cell's operands."""
        cell = (gradient, size, dtype, self.direction)
        self.prepare(cell, partial(measured_call, *cell))


class Forward(_Spectrum):
    """Magnitude of the spectrum, with nothing recorded for gradients."""

    direction = "forward"

    def time_forward(self, *_: object) -> None:
        """Seconds of one call of the layer."""
        self.sample()


class Backward(_Spectrum):
    """Gradient of the image, wrong or true, without the forward."""

    direction = "backward"

    def time_backward(self, *_: object) -> None:
        """Seconds of one call of the gradient."""
        self.sample()


def tasks() -> list[Task]:
    """Return every cell of this module, named as pyperf reports it."""
    return [
        Task(
            f"{direction}-{gradient}-{size}-{dtype}",
            partial(measured_call, gradient, size, dtype, direction),
            skip_reason(LAYERS[gradient]),
        )
        for direction in DIRECTIONS
        for gradient in LAYERS
        for size in INPUT_SIZES
        for dtype in DTYPES
    ]


if __name__ == "__main__":
    main("benchmarks.spectrum", tasks())
