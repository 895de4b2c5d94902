"""Numbers and sizes at the edge of what there is: none at all, and more than memory."""

import warnings
from itertools import product
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import fftconv

METHODS = list(fftconv.methods())
EACH = pytest.mark.parametrize("method", METHODS)
X, W = torch.zeros(2, 4, 8, 8), torch.zeros(6, 4, 3, 3)


@EACH
@pytest.mark.parametrize(
    ("name", "number"),
    [
        *product(("stride", "padding", "dilation", "groups"), (2**63, -(2**70))),
        *product(("stride", "padding", "dilation"), ((1, 2**64), [2**64, 1])),
    ],
)
def test_numbers_beyond_64_bits_are_refused_as_by_torch(
    method: str, name: str, number: Any
) -> None:
    error = ValueError if isinstance(number, int) else TypeError
    with pytest.raises(error, match="Overflow"):
        F.conv2d(X, W, **{name: number})
    with pytest.raises(error, match=f"{name} must fit into 64 bits") as raised:
        fftconv.conv2d(X, W, **{name: number}, method=method)
    assert "\n" not in str(raised.value)


@pytest.mark.filterwarnings("ignore:Using padding='same'")  # torch warns of a copy
@EACH
@pytest.mark.parametrize("function", ["conv2d", "conv1d"])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("arguments", [{}, {"padding": "same"}, {"groups": 2}, {"groups": 0}])
@pytest.mark.parametrize(
    "shapes",
    [
        ((1, 0, 8, 8), (2, 0, 3, 3)), ((0, 0, 8, 8), (2, 0, 3, 3)), ((0, 8, 8), (2, 0, 3, 3)),
        ((1, 0, 8, 8), (2, 0, 9, 9)), ((1, 0, 8, 8), (0, 0, 3, 3)), ((1, 3, 8, 8), (0, 3, 3, 3)),
        ((1, 2, 8, 8), (2, 0, 3, 3)), ((1, 0, 8, 8), (2, 0, 0, 3)),
    ],
    ids=str,
)  # fmt: skip
def test_no_channels_are_answered_as_by_torch(
    method: str, function: str, bias: bool, arguments: dict[str, Any], shapes: Any
) -> None:
    if function == "conv1d":
        shapes = [(*shape[:-2], shape[-1]) for shape in shapes]
    given = [torch.randn(shape, requires_grad=True) for shape in shapes]
    if bias:
        given.append(torch.randn(len(given[1]), requires_grad=True))
    assert_answered_as_by_torch(function, method, given, arguments)


def assert_answered_as_by_torch(
    function: str, method: str, given: list[Tensor], arguments: dict[str, Any]
) -> None:
    """Compare results and gradients, or the types of errors."""
    wrong: type[Exception] | None = None
    try:
        expected = getattr(F, function)(*given, **arguments)
    except Exception as error:
        wrong = type(error)
    if wrong is not None:
        with pytest.raises(wrong) as raised:
            getattr(fftconv, function)(*given, **arguments, method=method)
        assert raised.type is wrong
        assert "\n" not in str(raised.value)
        return
    actual = getattr(fftconv, function)(*given, **arguments, method=method)
    torch.testing.assert_close(actual, expected)
    for one, other in zip(
        torch.autograd.grad(actual.sum(), given), torch.autograd.grad(expected.sum(), given),
        strict=True,
    ):  # fmt: skip
        torch.testing.assert_close(one, other)


@EACH
def test_a_layer_without_channels_is_torchs(method: str) -> None:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Initializing zero-element tensors")
        layer = fftconv.Conv2d(0, 2, 3, method=method)
    x = torch.zeros(1, 0, 8, 8)
    expected = F.conv2d(x, layer.weight, layer.bias)
    torch.testing.assert_close(layer(x), expected)
    torch.testing.assert_close(torch.vmap(layer)(x[None]), expected[None])


@EACH
@pytest.mark.parametrize(
    ("weight", "arguments"),
    [
        (W, {"stride": 2**63 - 1}),
        (W, {"stride": (1, 2**61), "padding": 1}),
        (W, {"padding": 2**63 - 1}),
        (W, {"padding": 2**62 - 1}),
        (W, {"padding": (0, 2**45)}),
        (W, {"padding": 2**62, "dilation": 2**62, "stride": 2**62}),
        (W, {"dilation": 2**62 - 1}),
        (W, {"padding": "same", "dilation": 2**62}),
        (W[..., :1, :1], {"dilation": 2**63 - 1}),
        (W[..., :1, :1], {"dilation": (2**40, 2**61), "stride": 2**62}),
        (W[..., :1, :1], {"padding": 2**62 - 1, "stride": 2**61}),
    ],
    ids=str,
)
def test_huge_numbers_are_answered_as_by_torch(
    method: str, weight: Tensor, arguments: dict[str, Any]
) -> None:
    given = [torch.randn(2, 4, 8, 8), torch.randn(weight.shape)]
    assert_answered_as_by_torch(
        "conv2d", method, [t.double().requires_grad_() for t in given], arguments
    )


@EACH
@pytest.mark.parametrize(
    ("weight", "arguments"),
    [
        (W, {"dilation": 2**63 - 1}),  # torch: the numbers of another size, from anywhere
        (W, {"dilation": (1, 2**62), "padding": 2}),
        (W, {"padding": (0, 2**61)}),  # torch: a segmentation fault
        (W[..., :1, :1], {"padding": 2**61, "dilation": 2**61}),
    ],
    ids=str,
)
def test_huge_numbers_that_torch_is_lost_in_are_refused(
    method: str, weight: Tensor, arguments: dict[str, Any]
) -> None:
    with pytest.raises(RuntimeError) as raised:
        fftconv.conv2d(X, weight, **arguments, method=method)
    assert "\n" not in str(raised.value)


@EACH
@pytest.mark.parametrize("steps", [("stride",), ("dilation",), ("stride", "dilation")])
def test_padding_beyond_all_memory_is_torchs_or_refused(method: str, steps: Any) -> None:
    """Torch skips zeros; a method that lays them out says that there is no room."""
    arguments: dict[str, Any] = {"padding": (0, 2**45), **dict.fromkeys(steps, (1, 2**45))}
    given = torch.randn(2, 4, 8, 8), torch.randn(6, 4, 3, 3)
    if method in ("auto", "native"):
        actual = fftconv.conv2d(*given, **arguments, method=method)
        torch.testing.assert_close(actual, F.conv2d(*given, **arguments))
        return
    with pytest.raises(RuntimeError) as raised:
        fftconv.conv2d(*given, **arguments, method=method)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("method", ["auto", "native"])
@pytest.mark.parametrize("which", [0, 1, 2])
def test_one_operand_without_numbers_is_torchs_to_answer(method: str, which: int) -> None:
    given = [X, W, torch.zeros(6)]
    given[which] = given[which].to("meta")
    expected = F.conv2d(*given)
    actual = fftconv.conv2d(*given, method=method)
    assert (actual.shape, actual.device) == (expected.shape, expected.device)
    with pytest.raises(RuntimeError, match="device"):
        fftconv.conv2d(*given, method="fft")
