"""What any cross-correlation must satisfy, for shapes that nobody thought of."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import fftconv
from fftconv.geometry import Geometry

METHODS = list(fftconv.methods())
EACH = pytest.mark.parametrize("method", METHODS)
# Hypothesis fails a test that is slow by the clock; a busy machine is no fault of the test.
RUNS = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)


def pairs(low: int, high: int) -> st.SearchStrategy[tuple[int, int]]:
    return st.tuples(st.integers(low, high), st.integers(low, high))


@st.composite
def geometries(draw: st.DrawFn) -> Geometry:
    """Every argument of conv2d at once, such that at least one output remains."""
    groups = draw(st.integers(1, 3))
    kernel, dilation = draw(pairs(1, 4)), draw(pairs(1, 3))
    padding = draw(pairs(0, 3))
    extents = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    smallest = [max(1, e - 2 * p) for e, p in zip(extents, padding, strict=True)]
    size = [low + draw(st.integers(0, 7)) for low in smallest]
    per_group = draw(st.integers(1, 2))
    return Geometry.of(
        (draw(st.integers(1, 3)), groups * per_group, *size),
        (groups * draw(st.integers(1, 2)), per_group, *kernel),
        draw(pairs(1, 3)),
        padding,
        dilation,
        groups,
    )


def correlate(x: torch.Tensor, w: torch.Tensor, geometry: Geometry, method: str) -> torch.Tensor:
    top, _, left, _ = geometry.padding
    return fftconv.conv2d(
        x,
        w,
        None,
        geometry.stride,
        (top, left),
        geometry.dilation,
        geometry.groups,
        method=method,
    )


def operands(geometry: Geometry) -> tuple[torch.Tensor, torch.Tensor]:
    return (
        torch.randn(geometry.input_shape, dtype=torch.float64),
        torch.randn(geometry.weight_shape, dtype=torch.float64),
    )


@EACH
@RUNS
@given(geometry=geometries())
def test_linear_in_both_arguments(method: str, geometry: Geometry) -> None:
    (x, w), (x2, w2) = operands(geometry), operands(geometry)
    sum_of = [correlate(a, b, geometry, method) for a in (x, x2) for b in (w, w2)]
    assert_same(
        correlate(2 * x - x2, w + 3 * w2, geometry, method),
        2 * sum_of[0] + 6 * sum_of[1] - sum_of[2] - 3 * sum_of[3],
    )


@EACH
@RUNS
@given(geometry=geometries())
def test_agrees_with_torch(method: str, geometry: Geometry) -> None:
    x, w = operands(geometry)
    top, _, left, _ = geometry.padding
    expected = F.conv2d(
        x, w, None, geometry.stride, (top, left), geometry.dilation, geometry.groups
    )
    assert_same(correlate(x, w, geometry, method), expected)


@EACH
@RUNS
@given(geometry=geometries())
def test_gradients_are_adjoint(method: str, geometry: Geometry) -> None:
    x, w = (t.requires_grad_() for t in operands(geometry))
    y = correlate(x, w, geometry, method)
    g = torch.randn_like(y)
    grad_input, grad_weight = torch.autograd.grad(y, (x, w), g)
    product = (y * g).sum()
    assert_same((x * grad_input).sum(), product)
    assert_same((w * grad_weight).sum(), product)


@EACH
@RUNS
@given(geometry=geometries(), shift=pairs(0, 3))
def test_translation(method: str, geometry: Geometry, shift: tuple[int, int]) -> None:
    """Moving the input by whole strides moves the output by as many pixels."""
    x, w = operands(geometry)
    down, right = (n * s for n, s in zip(shift, geometry.stride, strict=True))
    y = correlate(x, w, geometry, method)
    moved = correlate(F.pad(x, (right, 0, down, 0)), w, geometry, method)
    inner = moved[:, :, shift[0] :, shift[1] :]
    # Where the filter reaches over the input's border it sees padding once and nothing once.
    top, _, left, _ = geometry.padding
    rows = -(-top // geometry.stride[0])
    columns = -(-left // geometry.stride[1])
    assert_same(inner[:, :, rows:, columns:], y[:, :, rows:, columns:])


def assert_same(actual: torch.Tensor, expected: torch.Tensor) -> None:
    scale = max(1.0, expected.abs().max().item() if expected.numel() else 0.0)
    torch.testing.assert_close(actual, expected, rtol=0, atol=1e-11 * scale)
