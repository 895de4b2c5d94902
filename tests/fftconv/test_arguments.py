"""The arguments of conv2d: what is accepted as torch accepts it, and one line for what is not."""

import warnings
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import fftconv

METHODS = list(fftconv.methods())
EACH = pytest.mark.parametrize("method", METHODS)
X, W = torch.zeros(2, 4, 8, 8), torch.zeros(6, 4, 3, 3)


@pytest.mark.parametrize(
    ("arguments", "options", "error", "says"),
    [
        (((-1, 1, 8, 8), (1, 1, 3, 3)), {}, RuntimeError, "no negative size"),
        ((5, (1, 1, 3, 3)), {}, TypeError, "input's shape must be a sequence of sizes, got int"),
        (((1, 1, 8, 8), None), {}, TypeError, "weight's shape must be a sequence"),
        (((1, 1, 8, 8), (1, 1, 3, 3)), {"dtype": float}, TypeError, "must be a torch.dtype"),
    ],
)
def test_a_plan_of_nonsense_is_refused(arguments, options, error, says) -> None:
    with pytest.raises(error, match=says):
        fftconv.plan(*arguments, **options)


def assert_as_torch(method: str, x: Tensor, w: Tensor, b: Tensor | None, **kwargs: Any) -> None:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Using padding='same'")
        expected = F.conv2d(x, w, b, **kwargs)
    actual = fftconv.conv2d(x, w, b, **kwargs, method=method)
    torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-4)


@EACH
@pytest.mark.parametrize(
    "kwargs",
    [
        {"padding": "same"},
        {"padding": "same", "dilation": (3, 2)},
        {"padding": "valid", "stride": [2, 3]},
        {"padding": [1], "stride": (2,), "dilation": 2},
        {"padding": torch.Size([2, 1])},
    ],
    ids=str,
)
@pytest.mark.parametrize("kernel_size", [(3, 3), (2, 3), (4, 2), (1, 1)])
def test_every_way_to_write_an_argument(
    method: str, kernel_size: tuple[int, int], kwargs: dict[str, Any]
) -> None:
    x, w, b = torch.randn(2, 4, 9, 8), torch.randn(6, 4, *kernel_size), torch.randn(6)
    assert_as_torch(method, x, w, b, **kwargs)
    assert_as_torch(method, x[0], w, None, **kwargs)


@EACH
def test_a_tensor_is_a_number_on_every_torch(method: str) -> None:
    """Torch 2.9 itself takes none, so a number is what ours is held against."""
    w = torch.randn(6, 4, 3, 3)
    x = torch.randn(2, 4, 9, 8)
    expected = F.conv2d(x, w, None, (2, 2), (1, 1), (2, 2))
    actual = fftconv.conv2d(x, w, None, (2,), [1], torch.tensor(2), method=method)
    torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-4)


@EACH
def test_any_strides(method: str) -> None:
    x, w, b = torch.randn(2, 4, 9, 8), torch.randn(6, 4, 3, 3), torch.randn(6)
    layouts = [
        x.to(memory_format=torch.channels_last),
        x.transpose(2, 3),
        x[:, :, ::2, 1:],
        x.flip(0),
        x[:1].expand(3, -1, -1, -1),
    ]
    weights = [w, w.to(memory_format=torch.channels_last), w.transpose(2, 3), w[:, :, :1, ::2]]
    for each in layouts:
        for weight in weights:
            assert_as_torch(method, each, weight, b.flip(0)[::1], padding=1)


@EACH
def test_empty_batches(method: str) -> None:
    x = torch.zeros(0, 4, 9, 8, requires_grad=True)
    w, b = torch.randn(6, 4, 3, 3, requires_grad=True), torch.randn(6, requires_grad=True)
    y = fftconv.conv2d(x, w, b, method=method)
    assert y.shape == (0, 6, 7, 6)
    y.sum().backward()
    assert x.grad is not None
    assert x.grad.shape == x.shape
    assert w.grad is not None
    assert not w.grad.any()
    assert b.grad is not None
    assert not b.grad.any()


@EACH
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_halves_round_a_float32_result(method: str, dtype: torch.dtype) -> None:
    x, w = torch.randn(2, 4, 9, 8, dtype=dtype), torch.randn(6, 4, 3, 3, dtype=dtype)
    y = fftconv.conv2d(x, w, method=method)
    assert y.dtype == dtype
    exact = F.conv2d(x.double(), w.double())
    error = (y.double() - exact).abs().max() / exact.abs().max()
    assert error < torch.finfo(dtype).eps


MISTAKES: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
    "input": ((torch.zeros(4, 8), W), {}),
    "input ": ((torch.zeros(1, 1, 4, 8, 8), W), {}),
    "input  ": (([1.0], W), {}),
    "input   ": ((X, torch.zeros(6, 3, 3, 3)), {}),
    "input    ": ((torch.zeros(2, 4, 0, 8), W), {"padding": 2}),
    "weight": ((X, W[0]), {}),
    "weight ": ((X, 3), {}),
    "weight  ": ((X, W.double()), {}),
    "weight   ": ((X, torch.zeros(5, 2, 3, 3)), {"groups": 2}),
    "weight    ": ((X, W[:0]), {}),
    "kernel size": ((X, torch.zeros(6, 4, 9, 9)), {}),
    "kernel size ": ((X, W), {"dilation": 4}),
    "bias": ((X, W, torch.zeros(5)), {}),
    "bias ": ((X, W, torch.zeros(6, 1)), {}),
    "bias  ": ((X, W, torch.zeros(6).double()), {}),
    "bias   ": ((X, W, 3), {}),
    "groups": ((X, W), {"groups": 0}),
    "groups ": ((X, W), {"groups": 1.5}),
    "stride": ((X, W), {"stride": 0}),
    "stride ": ((X, W), {"stride": (1, 1, 1)}),
    "stride  ": ((X, W), {"stride": ()}),
    "stride   ": ((X, W), {"stride": 1.0}),
    "stride    ": ((X, W), {"stride": "a"}),
    "padding": ((X, W), {"padding": -1}),
    "padding ": ((X, W), {"padding": "foo"}),
    "padding  ": ((X, W), {"padding": True}),
    "padding   ": ((X, W), {"padding": None}),
    "padding='same'": ((X, W), {"padding": "same", "stride": 2}),
    "dilation": ((X, W), {"dilation": 0}),
}


@EACH
@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_name_the_argument(method: str, name: str) -> None:
    args, kwargs = MISTAKES[name]
    with pytest.raises(Exception) as torchs:  # noqa: PT011 - torch says which it is
        F.conv2d(*args, **kwargs)
    with pytest.raises(torchs.type, match=name.strip()) as ours:
        fftconv.conv2d(*args, **kwargs, method=method)
    assert ours.type is torchs.type
    assert "\n" not in str(ours.value)


def test_unknown_methods_are_named() -> None:
    with pytest.raises(ValueError, match=r"method must be one of direct, .*, auto, got 'magic'"):
        fftconv.conv2d(X, W, method="magic")
    with pytest.raises(ValueError, match="'magic'"):
        fftconv.Conv2d(1, 1, 1, method="magic")
    with pytest.raises(TypeError, match="method must be a string, got int"):
        fftconv.conv2d(X, W, method=3)


def test_a_method_says_what_it_cannot_do() -> None:
    with pytest.raises(NotImplementedError, match=r"method 'fft' does not compute in torch\.int64"):
        fftconv.conv2d(X.long(), W.long(), method="fft")
    assert_as_torch("auto", X.long(), W.long(), None)
