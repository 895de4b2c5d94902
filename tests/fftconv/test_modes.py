"""What is kept between calls under one mode of torch serves under every other."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import permutations
from typing import Any

import pytest
import torch
from torch import Tensor

import fftconv

EACH = pytest.mark.parametrize("method", ["auto", "fft", "compiled", "overlap_save"])


@contextmanager
def deterministic() -> Iterator[None]:
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(False)


@contextmanager
def default_dtype(dtype: torch.dtype) -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


MODES: dict[str, Callable[[], AbstractContextManager[Any]]] = {
    "plain": nullcontext,
    "inference": torch.inference_mode,
    "no_grad": torch.no_grad,
    "autocast": lambda: torch.autocast("cpu", torch.bfloat16),
    "deterministic": deterministic,
    "float64 by default": lambda: default_dtype(torch.float64),
    "float16 by default": lambda: default_dtype(torch.float16),
    "meta by default": lambda: torch.device("meta"),
}
#: (in and out channels, image, arguments of the layer): one tile and many, tile by tile or all at
#: once, in parts for a stride.
CASES: dict[str, tuple[int, int, dict[str, Any]]] = {
    "one channel": (1, 40, {"kernel_size": 9}),
    "many tiles": (1, 120, {"kernel_size": 21}),
    "many channels": (9, 20, {"kernel_size": 7, "padding": 3}),
    "stride": (2, 40, {"kernel_size": (9, 8), "stride": 2, "padding": 1}),
}


def pair(method: str, name: str) -> tuple[torch.nn.Conv2d, torch.nn.Conv2d, Tensor]:
    """Return a layer, torch's with the same weights, and an input."""
    channels, size, arguments = CASES[name]
    ours = fftconv.Conv2d(channels, channels, **arguments, method=method)
    torchs = torch.nn.Conv2d(channels, channels, **arguments)
    torchs.load_state_dict(ours.state_dict())
    return ours, torchs, torch.randn(1, channels, size, size)


def largest(tensor: Tensor) -> float:
    return float(tensor.abs().max())


def assert_alike(ours: torch.nn.Conv2d, torchs: torch.nn.Conv2d, x: Tensor, train: bool) -> None:
    """Compare outputs and, where gradients can be had, gradients."""
    tolerance = 6e-2  # of bfloat16, whose sums torch rounds in the course of it
    results = []
    for layer in (ours, torchs):
        given = x.clone().requires_grad_() if train else x
        y = layer(given)
        if y.dtype == torch.float32:
            tolerance = 2e-4
        result = [y]
        if train:
            result += torch.autograd.grad(y.float().square().sum(), [given, *layer.parameters()])
        results.append([t.detach().float() for t in result])
    for actual, expected in zip(*results, strict=True):
        assert largest(actual - expected) <= tolerance * largest(expected)


@EACH
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("mode", MODES)
def test_after_any_mode_a_layer_is_trained(method: str, case: str, mode: str) -> None:
    ours, torchs, x = pair(method, case)
    with MODES[mode]():
        assert_alike(ours, torchs, x, train=False)
    assert_alike(ours, torchs, x, train=True)


@pytest.mark.parametrize(
    "order", [*permutations(["plain", "inference", "autocast", "deterministic"])]
)
def test_modes_come_in_any_order(order: tuple[str, ...]) -> None:
    ours, torchs, x = pair("overlap_save", "many tiles")
    for mode in order:
        with MODES[mode]():
            assert_alike(ours, torchs, x, train=mode != "inference")


@EACH
def test_weights_made_in_inference_mode(method: str) -> None:
    with torch.inference_mode():
        ours, torchs, x = pair(method, "many tiles")
        assert_alike(ours, torchs, x, train=False)
    with torch.no_grad():
        assert_alike(ours, torchs, x.clone(), train=False)
    # What of them can be differentiated is.
    results = []
    for layer in (ours, torchs):
        weight, bias = (p.clone().requires_grad_() for p in layer.parameters())
        y = torch.func.functional_call(layer, {"weight": weight, "bias": bias}, (x.clone(),))
        results.append(torch.autograd.grad(y.square().sum(), weight)[0])
    torch.testing.assert_close(*results, rtol=2e-4, atol=2e-4 * largest(results[1]))


@EACH
def test_gradients_of_gradients_after_inference(method: str) -> None:
    ours, torchs, x = pair(method, "one channel")
    results = []
    for layer in (ours, torchs):
        with torch.inference_mode():
            layer(x)
        given = x.clone().requires_grad_()
        (first,) = torch.autograd.grad(layer(given).pow(3).sum(), given, create_graph=True)
        results.append(torch.autograd.grad(first.square().sum(), layer.weight)[0])
    torch.testing.assert_close(*results, rtol=1e-3, atol=1e-4 * largest(results[1]))


@EACH
def test_gradients_that_are_asked_for_in_another_mode(method: str) -> None:
    for forward, backward in permutations(["plain", "autocast", "deterministic"], 2):
        results = []
        for layer in pair(method, "many tiles")[:2]:
            torch.manual_seed(1)
            x = torch.randn(1, 1, 150, 150, requires_grad=True)
            torch.nn.init.normal_(layer.weight)
            with MODES[forward]():
                y = layer(x).float()
            with MODES[backward]():
                results.append(torch.autograd.grad(y.sum(), (x, layer.weight)))
        for actual, expected in zip(*results, strict=True):
            assert largest(actual - expected) <= 6e-2 * largest(expected)
