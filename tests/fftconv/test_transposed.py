"""Transposed convolutions: the sizes of their outputs, and what torch refuses."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F

import fftconv
from fftconv import transposed

METHODS = list(fftconv.methods())
EACH = pytest.mark.parametrize("method", METHODS)


@EACH
def test_a_layers_output_size_is_torchs(method: str) -> None:
    layer = fftconv.ConvTranspose2d(1, 2, 4, stride=3, method=method)
    x = torch.randn(1, 1, 5, 5)
    for size in ((16, 17), (18, 18)):
        expected = F.conv_transpose2d(
            x, layer.weight, layer.bias, 3, output_padding=(size[0] - 16, size[1] - 16)
        )
        torch.testing.assert_close(layer(x, size), expected, rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="output size"):
        layer(x, (30, 30))


@EACH
def test_an_output_padding_of_whole_strides(method: str) -> None:
    x, w = torch.randn(1, 1, 6, 5, dtype=torch.float64), torch.randn(1, 2, 3, 3).double()
    arguments: dict[str, Any] = {"output_padding": (2, 3), "dilation": 4, "stride": (1, 2)}
    y = fftconv.conv_transpose2d(x, w, **arguments, method=method)
    torch.testing.assert_close(y, F.conv_transpose2d(x, w, **arguments))


@EACH
@pytest.mark.parametrize(
    ("shapes", "arguments"),
    [
        (((1, 4, 5, 5), (4, 2, 3, 3)), {"output_padding": 1}),
        (((1, 4, 5, 5), (4, 2, 3, 3)), {"groups": 3}),
        (((1, 4, 5, 5), (4, 2, 3, 3)), {"groups": 0}),
        (((1, 3, 5, 5), (4, 2, 3, 3)), {}),
        (((1, 4, 5, 5), (4, 2, 3, 3)), {"padding": 4}),
        (((1, 4, 5, 5), (4, 2, 3, 3)), {"padding": -1}),
        (((1, 4, 5, 5), (4, 2, 3, 3)), {"stride": 0}),
        (((1, 4, 5, 5), (4, 2, 3, 3)), {"dilation": 0}),
        (((1, 4, 0, 5), (4, 2, 3, 3)), {}),
        (((1, 4, 5, 5), (4, 2, 0, 3)), {}),
        (((1, 4, 5, 5), (4, 0, 3, 3)), {}),
        (((4, 5), (4, 2, 3, 3)), {}),
        (((1, 4, 5, 5), (4, 2, 3, 3), (3,)), {}),
        (((1, 4, 5, 5), (4, 2, 3, 3)), {"padding": "same"}),
    ],
    ids=str,
)
def test_a_transposed_convolution_fails_as_torchs_does(
    method: str, shapes: tuple[tuple[int, ...], ...], arguments: dict[str, Any]
) -> None:
    given = [torch.randn(shape) for shape in shapes]
    with pytest.raises((RuntimeError, TypeError)) as expected:
        F.conv_transpose2d(*given, **arguments)
    with pytest.raises(expected.type) as caught:
        fftconv.conv_transpose2d(*given, **arguments, method=method)
    assert "\n" not in str(caught.value)


@EACH
@pytest.mark.parametrize(
    ("shapes", "arguments"),
    [
        (((0, 4, 5, 5), (4, 2, 3, 3)), {"output_padding": 7}),
        (((0, 4, 5, 5), (4, 2, 3, 3), (2,)), {"output_padding": (3, 1), "stride": 2, "padding": 1}),
        (((0, 4, 5, 5), (4, 2, 3, 3)), {"output_padding": 9, "dilation": 9}),
        (((0, 4, 5, 5), (4, 2, 3, 3), (4,)), {"output_padding": 5, "groups": 2}),
        (((0, 4, 0, 5), (4, 2, 3, 3)), {"output_padding": 1}),
        (((0, 4, 0, 5), (4, 2, 3, 3)), {}),
    ],
    ids=str,
)
def test_nothing_takes_any_output_padding_as_torchs_does(
    method: str, shapes: tuple[tuple[int, ...], ...], arguments: dict[str, Any]
) -> None:
    given = [torch.randn(shape, requires_grad=True) for shape in shapes]
    expected = F.conv_transpose2d(*given, **arguments)
    actual = fftconv.conv_transpose2d(*given, **arguments, method=method)
    torch.testing.assert_close(actual, expected)
    torch.testing.assert_close(
        torch.autograd.grad(actual.sum(), given), torch.autograd.grad(expected.sum(), given)
    )


@EACH
@pytest.mark.parametrize(
    "shapes",
    [((1, 0, 5, 5), (0, 2, 3, 3)), ((1, 3, 5, 5), (3, 0, 3, 3)), ((0, 3, 5, 5), (3, 0, 3, 3))],
    ids=str,
)
def test_a_transposed_convolution_of_no_channels_fails_as_torchs_does(
    method: str, shapes: tuple[tuple[int, ...], ...]
) -> None:
    given = [torch.randn(shape) for shape in shapes]
    with pytest.raises((RuntimeError, IndexError)) as expected:
        F.conv_transpose2d(*given)
    with pytest.raises(expected.type) as caught:
        fftconv.conv_transpose2d(*given, method=method)
    assert caught.type is expected.type


@EACH
@pytest.mark.parametrize(
    "arguments",
    [
        {"stride": 2**63 - 1}, {"stride": 2**61}, {"padding": 2**63 - 1}, {"dilation": 2**62},
        {"dilation": 2**63 - 1, "padding": 2**62}, {"stride": (1, 2**45)},
        {"stride": 2**62, "output_padding": 2**62 - 1},
    ],
    ids=str,
)  # fmt: skip
def test_huge_numbers_of_a_transposed_convolution_fail_as_torchs_do(
    method: str, arguments: dict[str, Any]
) -> None:
    x, w = torch.randn(1, 4, 5, 5), torch.randn(4, 2, 3, 3)
    with pytest.raises(RuntimeError):
        F.conv_transpose2d(x, w, **arguments)
    for given in ((x, w), (x.to("meta"), w.to("meta"))):
        if arguments == {"stride": (1, 2**45)} and given[0].is_meta:
            continue  # what has no numbers takes no memory
        with pytest.raises(RuntimeError) as caught:
            fftconv.conv_transpose2d(*given, **arguments, method=method)
        assert "\n" not in str(caught.value)


def test_a_transposed_convolution_is_planned() -> None:
    """The way back from a wide filter is a transform, where torch would take a second."""
    x, w = torch.randn(1, 1, 300, 300), torch.randn(1, 1, 41, 41)
    assert fftconv.plan((1, 1, 340, 340), w.shape, needs_grad=True).chosen["grad_input"] != "native"
    y = fftconv.conv_transpose2d(x, w)
    torch.testing.assert_close(y, F.conv_transpose2d(x, w), rtol=1e-3, atol=1e-3)


@EACH
def test_a_transposed_sequence_has_the_gradients_of_a_dense_one(method: str) -> None:
    """Torch's conv2d, called with such a view by one thread, has another gradient of the weight."""
    operands = torch.randn(2, 4).T.requires_grad_(), torch.randn(2, 1, 2).mT.requires_grad_()
    y = fftconv.conv1d(*operands, groups=2, method=method)
    z = F.conv1d(*operands, groups=2)
    g = torch.randn_like(z)
    for one, other in zip(
        torch.autograd.grad(y, operands, g), torch.autograd.grad(z, operands, g), strict=True
    ):
        torch.testing.assert_close(one, other)


def test_a_seen_transposed_call_is_not_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    x, w = torch.randn(2, 4, 7, 6), torch.randn(4, 3, 2, 2)
    first = fftconv.conv_transpose2d(x, w, None, 2)

    def looked_at(*_: object) -> None:
        raise AssertionError("checked")

    monkeypatch.setattr(transposed, "_check", looked_at)
    assert torch.equal(fftconv.conv_transpose2d(x, w, None, (2, 2), [0], 0, 1, 1), first)
    for other in (
        lambda: fftconv.conv_transpose2d(x[:1], w, None, 2),
        lambda: fftconv.conv_transpose2d(x, w, torch.zeros(3), 2),
        lambda: fftconv.conv_transpose2d(x, w, None, 2, method="native"),
        lambda: fftconv.conv_transpose2d(x.double(), w.double(), None, 2),
    ):
        with pytest.raises(AssertionError, match="checked"):
            other()
