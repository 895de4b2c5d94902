"""`torch.vmap` with every mix of operands that are mapped and operands that all calls share."""

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import fftconv

EACH = pytest.mark.parametrize("method", ["auto", "native", "fft", "compiled", "overlap_save"])
pytestmark = pytest.mark.filterwarnings(
    # torch's own, while it imports what forward mode needs
    "ignore:`torch.jit.script` is deprecated"
)
MAPPED = 3
SHAPES = {"x": (2, 4, 7, 8), "w": (6, 2, 3, 2), "b": (6,), "g": (2, 6, 3, 7)}
ARGUMENTS: dict[str, Any] = {"stride": (2, 1), "groups": 2}


def mixes(names: str) -> list[dict[str, int | None]]:
    """List the ways to map some operands, each along a dimension of its own."""
    ways = product((False, True), repeat=len(names))
    return [
        {name: n % 2 if way[n] else None for n, name in enumerate(names)}
        for way in ways
        if any(way)
    ]


def operands(dims: dict[str, int | None]) -> list[Tensor]:
    tensors = []
    for name, dim in dims.items():
        shape = list(SHAPES[name])
        if dim is not None:
            shape.insert(dim, MAPPED)
        tensors.append(torch.randn(shape, dtype=torch.float64))
    return tensors


def assert_mapped_alike(
    subject: Callable[..., Any], oracle: Callable[..., Any], dims: dict[str, int | None]
) -> None:
    given, in_dims = operands(dims), tuple(dims.values())
    expected = torch.vmap(oracle, in_dims)(*given)
    torch.testing.assert_close(torch.vmap(subject, in_dims)(*given), expected)


def ours(method: str) -> Callable[..., Tensor]:
    return lambda *operands: fftconv.conv2d(*operands, **ARGUMENTS, method=method)


def torchs(*operands: Tensor) -> Tensor:
    return F.conv2d(*operands, **ARGUMENTS)


@EACH
@pytest.mark.parametrize("dims", mixes("xwb"), ids=str)
def test_forward(method: str, dims: dict[str, int | None]) -> None:
    assert_mapped_alike(ours(method), torchs, dims)


@EACH
@pytest.mark.parametrize("wanted", [(0,), (1,), (0, 1)], ids=str)
@pytest.mark.parametrize("dims", mixes("gxw"), ids=str)
def test_gradients(method: str, wanted: tuple[int, ...], dims: dict[str, int | None]) -> None:
    def of(function: Callable[..., Tensor]) -> Callable[..., Any]:
        def gradients(g: Tensor, x: Tensor, w: Tensor) -> tuple[Tensor, ...]:
            both = torch.func.vjp(function, x, w)[1](g)
            return tuple(both[n] for n in wanted)

        return gradients

    assert_mapped_alike(of(ours(method)), of(torchs), dims)


@EACH
@pytest.mark.parametrize("dims", mixes("xwb"), ids=str)
def test_forward_mode(method: str, dims: dict[str, int | None]) -> None:
    def of(function: Callable[..., Tensor]) -> Callable[..., Any]:
        def change(x: Tensor, w: Tensor, b: Tensor) -> Any:
            # The changes of two operands, of which each may be mapped or not.
            return torch.func.jvp(lambda w, b: function(x, w, b), (w, b), (w + 1, b * 2))

        return change

    assert_mapped_alike(of(ours(method)), of(torchs), dims)


@EACH
@pytest.mark.parametrize("inner", [(0, None), (None, 0), (0, 0)], ids=str)
@pytest.mark.parametrize("outer", [(0, None), (None, 0), (0, 0)], ids=str)
def test_a_map_within_a_map(
    method: str, inner: tuple[int | None, ...], outer: tuple[int | None, ...]
) -> None:
    def of(function: Callable[..., Tensor]) -> Callable[..., Any]:
        return torch.vmap(torch.vmap(function, inner), outer)

    given = []
    for name, *mapped in zip("xw", outer, inner, strict=True):
        sizes = [size for size, dim in zip((5, 3), mapped, strict=True) if dim is not None]
        given.append(torch.randn(*sizes, *SHAPES[name], dtype=torch.float64))
    torch.testing.assert_close(of(ours(method))(*given), of(torchs)(*given))


@EACH
def test_gradients_of_gradients_of_which_one_operand_is_mapped(method: str) -> None:
    x = torch.randn(SHAPES["x"], dtype=torch.float64)
    w = torch.randn(MAPPED, *SHAPES["w"], dtype=torch.float64)
    v = torch.randn(SHAPES["x"], dtype=torch.float64)

    def of(function: Callable[..., Tensor]) -> Callable[..., Any]:
        def slope(x: Tensor, w: Tensor) -> Tensor:
            gradient = torch.func.grad(lambda x: function(x, w).pow(3).sum())
            return (gradient(x) * v).sum()

        return torch.func.grad(slope, argnums=(0, 1))

    for in_dims in ((None, 0), (0, None)):
        given = (x, w) if in_dims[1] == 0 else (x.expand(MAPPED, -1, -1, -1, -1), w[0])
        torch.testing.assert_close(
            torch.vmap(of(ours(method)), in_dims)(*given),
            torch.vmap(of(torchs), in_dims)(*given),
        )
