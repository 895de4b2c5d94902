"""Seeded tensors and layers for a cell, and the call that the cell measures."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

import fftconv
from benchmarks.cases import Case, Direction

# The class that does each method's work. Looked up by name, because a commit from before it was
# written is measured by this very file.
LAYERS = {"direct": "ScipyConv2d", "fft": "FFTConv2d", "native": "NativeConv2d"}

_SEED = 20_26


def skip_reason(name: str) -> str | None:
    """Say in a sentence why fftconv's `name` cannot be measured, or return None if it can."""
    return None if hasattr(fftconv, name) else f"This commit's fftconv has no {name}."


def subject(name: str) -> Any:
    """Return what fftconv calls `name`, or skip the cell if this commit has nothing by it."""
    reason = skip_reason(name)
    if reason is not None:
        raise NotImplementedError(reason)
    return getattr(fftconv, name)


def seeded(shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """Return the same standard-normal tensor at every call."""
    generator = torch.Generator().manual_seed(_SEED)
    return torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)


class Operands:
    """A layer with its input and the gradient that comes back, for one case."""

    def __init__(self, case: Case) -> None:
        dtype: torch.dtype = getattr(torch, case.dtype)
        taps, size, out = case.filter_size, case.input_size, case.output_size
        self.layer = subject(LAYERS[case.method])(taps, taps).to(dtype)
        with torch.no_grad():
            self.layer.filter.copy_(seeded((taps, taps), dtype))
            self.layer.bias.zero_()
        self.input = seeded((size, size), dtype)
        self.grad_output = seeded((out, out), dtype)

    def forward(self) -> Callable[[], Tensor]:
        """Return the call that computes the output, recording nothing for gradients."""
        self.layer.requires_grad_(False)
        layer, x = self.layer, self.input
        return lambda: layer(x)

    def backward(self) -> Callable[[], tuple[Tensor, ...]]:
        """Return the call that computes the gradients of input, filter and bias, and no output."""
        x = self.input.requires_grad_()
        wanted = (x, self.layer.filter, self.layer.bias)
        y, g = self.layer(x), self.grad_output
        return lambda: torch.autograd.grad(y, wanted, g, retain_graph=True)


def measured_call(case: Case, direction: Direction) -> Callable[[], object]:
    """Return the call that the cell measures; raise NotImplementedError if it is skipped."""
    reason = case.skip_reason(direction)
    if reason is not None:
        raise NotImplementedError(reason)
    operands = Operands(case)
    return operands.forward() if direction == "forward" else operands.backward()
