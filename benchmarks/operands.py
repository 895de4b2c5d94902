"""Seeded tensors and layers for a cell, and the call that the cell measures."""

import importlib
import sys
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

import fftconv
from benchmarks.cases import Case, Direction
from benchmarks.fork_server import wait_patiently
from benchmarks.threads import keep_to_quota

# The tutorial's layers; every other method is one of `fftconv.Conv2d`'s. Looked up by name, because
# a commit from before it was written is measured by this very file.
LAYERS = {"direct": "ScipyConv2d", "fft": "FFTConv2d", "native": "NativeConv2d"}

_SEED = 20_26
# How asv starts what measures: a server of which each cell is forked, or a process for each.
_MEASURING = ("run_server", "run")


def _preload() -> None:
    """Import what the methods import when they are called, and torch's first backward pass.

    asv forks each cell from a process that has loaded this module, so that the two and a half
    seconds which that takes are paid once and are no part of any cell. In other processes, which
    measure a few cells or none, it would be paid for nothing.
    """
    for module in ("msgspec", "scipy.signal", "torch.fx.experimental.symbolic_shapes"):
        importlib.import_module(module)
    import numba

    # Compiling anything sets up numba's compiler, which takes as long as importing it.
    numba.cfunc("int64(int64)")(lambda number: number)


keep_to_quota()
if any(role in _MEASURING for role in sys.argv[1:2]):
    _preload()
wait_patiently()


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


def missing_layer(method: str) -> str | None:
    """Say in a sentence that this commit cannot do the grid by `method`, or return None."""
    return skip_reason(LAYERS[method]) if method in LAYERS else missing_method(method)


def missing_method(method: str) -> str | None:
    """Say in a sentence that this commit's Conv2d has no such method, or return None."""
    missing = skip_reason("Conv2d")
    if missing is None and method not in fftconv.methods():
        missing = f"This commit's fftconv has no method {method}."
    return missing


class Operands:
    """A layer with its input and the gradient that comes back, for one case."""

    def __init__(self, case: Case) -> None:
        dtype: torch.dtype = getattr(torch, case.dtype)
        taps, size, out = case.filter_size, case.input_size, case.output_size
        if case.method in LAYERS and not case.is_half:  # the tutorial's layers know no half
            self.layer = subject(LAYERS[case.method])(taps, taps).to(dtype)
            self.filter = self.layer.filter
        else:
            self.layer = subject("Conv2d")(1, 1, taps, dtype=dtype, method=case.method)
            self.filter = self.layer.weight
        with torch.no_grad():
            self.filter.copy_(seeded((taps, taps), dtype))
            self.layer.bias.zero_()
        batch_and_channels = self.filter.shape[:-2]
        self.input = seeded((*batch_and_channels, size, size), dtype)
        self.grad_output = seeded((*batch_and_channels, out, out), dtype)

    def call(self, direction: Direction) -> Callable[[], tuple[Tensor, ...]]:
        """Return the call that the cell measures.

        Forward, it computes the output and records nothing for gradients. Backward, it computes
        the gradients of input, filter and bias, and not the output.
        """
        layer, x = self.layer, self.input
        if direction == "forward":
            layer.requires_grad_(False)
            return lambda: (layer(x),)
        wanted = (x.requires_grad_(), self.filter, layer.bias)
        y, g = layer(x), self.grad_output
        return lambda: torch.autograd.grad(y, wanted, g, retain_graph=True)


def make_operands(case: Case, direction: Direction) -> Operands:
    """Return the cell's operands; raise NotImplementedError if the cell is skipped."""
    reason = missing_layer(case.method) or case.skip_reason(direction)
    if reason is not None:
        raise NotImplementedError(reason)
    return Operands(case)


def measured_call(case: Case, direction: Direction) -> Callable[[], object]:
    """Return the call that the cell measures; raise NotImplementedError if it is skipped."""
    return make_operands(case, direction).call(direction)
