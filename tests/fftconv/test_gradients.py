"""One wiring for all methods: gradients of any order, and only those that are asked for."""

from collections.abc import Callable
from typing import Any, TypeAlias

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck

import fftconv
from fftconv.methods.scipy.plane import PlaneMaps

METHODS = list(fftconv.methods())
EACH = pytest.mark.parametrize("method", METHODS)
# torch scripts its own decompositions when forward mode is first used, and warns about that.
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")
Function: TypeAlias = Callable[..., Tensor]
ARGUMENTS: dict[str, Any] = {"stride": (2, 1), "padding": (1, 2), "dilation": (1, 2), "groups": 2}


def operands(dtype: torch.dtype = torch.float64, requires_grad: bool = True) -> tuple[Tensor, ...]:
    shapes = ((2, 4, 5, 6), (6, 2, 3, 2), (6,))
    return tuple(torch.randn(s, dtype=dtype).requires_grad_(requires_grad) for s in shapes)


def subject(method: str) -> Function:
    return lambda x, w, b: fftconv.conv2d(x, w, b, **ARGUMENTS, method=method)


def reference(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    return F.conv2d(x, w, b, **ARGUMENTS)


def skip_unless_supported(method: str, dtype: torch.dtype) -> None:
    x, w, b = operands(dtype, requires_grad=False)
    try:
        subject(method)(x, w, b)
    except NotImplementedError as reason:
        if method in ("native", "auto"):
            raise
        pytest.skip(str(reason))


@EACH
@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128], ids=str)
def test_first_and_second_gradients(method: str, dtype: torch.dtype) -> None:
    skip_unless_supported(method, dtype)
    modes = {"fast_mode": True, "check_batched_grad": True}
    assert gradcheck(
        subject(method),
        operands(dtype),
        check_forward_ad=True,
        check_batched_forward_grad=True,
        **modes,
    )
    assert gradgradcheck(
        subject(method), operands(dtype), check_fwd_over_rev=True, check_rev_over_rev=True, **modes
    )


@EACH
def test_third_gradient(method: str) -> None:
    results = []
    x, w, b = operands()
    for function in (subject(method), reference):
        first = torch.autograd.grad(function(x, w, b).pow(4).sum(), (x, w), create_graph=True)
        total = sum(g.pow(2).sum() for g in first)
        second = torch.autograd.grad(total, (x, w, b), create_graph=True)
        total = sum(g.pow(2).sum() for g in second)
        results.append(torch.autograd.grad(total, (x, w, b)))
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("wanted", ["x", "w", "b", "xw", "xb", "wb", "xwb"])
def test_only_what_is_asked_for_is_computed(wanted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    for name in ("grad_input", "grad_weight"):
        original = getattr(PlaneMaps, name)

        def counted(
            self: object, *args: object, name: str = name, original: Function = original
        ) -> Tensor:
            calls.append(name)
            return original(self, *args)

        monkeypatch.setattr(PlaneMaps, name, counted)
    given = {n: t.detach() for n, t in zip("xwb", operands(), strict=True)}
    for name in wanted:
        given[name].requires_grad_()
    subject("direct")(**given).sum().backward()
    expected = {"grad_input"} if "x" in wanted else set()
    assert sorted(calls) == sorted(expected | ({"grad_weight"} if "w" in wanted else set()))
    assert all((given[name].grad is not None) == (name in wanted) for name in "xwb")


@EACH
def test_no_gradient_records_nothing(method: str) -> None:
    x, w, b = operands()
    with torch.no_grad():
        assert subject(method)(x, w, b).grad_fn is None
    with torch.inference_mode():
        y = subject(method)(x, w, b)
    assert y.is_inference()
    torch.testing.assert_close(y, reference(x, w, b).detach())


TRANSFORMS = {
    "grad": lambda f: torch.func.grad(lambda *t: f(*t).square().sum(), argnums=(0, 1, 2)),
    "jvp": lambda f: lambda *t: torch.func.jvp(f, t, tuple(s.cos() for s in t)),
    "jacrev": lambda f: torch.func.jacrev(f, argnums=(0, 1, 2)),
    "jacfwd": lambda f: torch.func.jacfwd(f, argnums=(0, 1, 2)),
    "hessian": lambda f: torch.func.hessian(lambda *t: f(*t).pow(3).sum(), argnums=1),
}


@EACH
@pytest.mark.parametrize("transform", TRANSFORMS)
def test_function_transforms(method: str, transform: str) -> None:
    given = operands(requires_grad=False)
    actual = TRANSFORMS[transform](subject(method))(*given)
    expected = TRANSFORMS[transform](reference)(*given)
    torch.testing.assert_close(actual, expected)


@EACH
@pytest.mark.parametrize("in_dims", [(0, None, None), (None, 0, None), (0, 1, None), (1, 0, 0)])
def test_vmap(method: str, in_dims: tuple[int | None, ...]) -> None:
    shapes = ((2, 4, 5, 6), (6, 2, 3, 2), (6,))

    def tensor(shape: tuple[int, ...], dim: int | None) -> torch.Tensor:
        mapped = shape if dim is None else (*shape[:dim], 3, *shape[dim:])
        return torch.randn(mapped, dtype=torch.float64)

    given = [tensor(shape, dim) for shape, dim in zip(shapes, in_dims, strict=True)]

    def outputs(function: Function) -> object:
        def one(*t: Tensor) -> tuple[Tensor, ...]:
            y = function(*t)
            gradients = torch.func.grad(lambda *t: function(*t).square().sum(), (0, 1, 2))(*t)
            return y, *gradients

        return torch.vmap(one, in_dims)(*given)

    torch.testing.assert_close(outputs(subject(method)), outputs(reference))


def test_gradients_of_detached_levels() -> None:
    """The inner no_grad hides the inner function from the outer transform, as in torch."""

    def inner(function: Function, x: Tensor, w: Tensor, b: Tensor) -> Tensor:
        with torch.no_grad():
            hidden = function(x, w, b)
        return (hidden * function(x, w, b)).sum()

    given = operands(requires_grad=False)
    actual = torch.func.grad(lambda x: inner(subject("direct"), x, *given[1:]))(given[0])
    expected = torch.func.grad(lambda x: inner(reference, x, *given[1:]))(given[0])
    torch.testing.assert_close(actual, expected)


@pytest.mark.parametrize("method", ["native", "compiled", "overlap_save", "auto"])
def test_a_seen_call_is_recorded_as_its_tensors_ask(method: str) -> None:
    """The short way of a call like an earlier one, with other tensors asking for gradients."""
    x, w = torch.randn(1, 1, 40, 41), torch.randn(1, 1, 9, 8)
    g = torch.randn(1, 1, 32, 34)
    for turn in range(2):
        for wants_x, wants_w in ((False, False), (True, False), (False, True), (True, True)):
            a, b = x.clone().requires_grad_(wants_x), w.clone().requires_grad_(wants_w)
            y = fftconv.conv2d(a, b, method=method)
            assert y.requires_grad == (wants_x or wants_w), turn
            wanted = [t for t in (a, b) if t.requires_grad]
            if wanted:
                got = torch.autograd.grad(y, wanted, g)
                true = torch.autograd.grad(F.conv2d(a, b), wanted, g)
                torch.testing.assert_close(got, true, rtol=1e-4, atol=1e-3)
            with torch.no_grad():
                assert not fftconv.conv2d(a, b, method=method).requires_grad


@pytest.mark.parametrize("method", ["native", "compiled", "overlap_save", "auto"])
def test_a_seen_call_with_a_bias_asks_for_its_own_gradient(method: str) -> None:
    x, w, b = torch.randn(2, 2, 20, 21), torch.randn(4, 2, 5, 4), torch.randn(4)
    for _ in range(2):
        assert not fftconv.conv2d(x, w, b, method=method).requires_grad
        wanted = b.clone().requires_grad_()
        y = fftconv.conv2d(x, w, wanted, method=method)
        torch.testing.assert_close(y, F.conv2d(x, w, b), rtol=1e-4, atol=1e-4)
        (got,) = torch.autograd.grad(y.square().sum(), wanted)
        torch.testing.assert_close(got, 2 * y.detach().sum((0, 2, 3)), rtol=1e-4, atol=1e-2)


def test_a_seen_call_does_not_let_another_bias_pass() -> None:
    x, w, b = torch.randn(1, 1, 9, 9), torch.randn(2, 1, 3, 3), torch.randn(2)
    for _ in range(2):
        fftconv.conv2d(x, w, b)
        fftconv.conv2d(x, w, b, method="compiled")
    with pytest.raises(RuntimeError, match="bias"):
        fftconv.conv2d(x, w, b.double())
    with pytest.raises(RuntimeError, match="bias"):
        fftconv.conv2d(x, w, torch.randn(3))
    with pytest.raises(RuntimeError, match="bias"):
        fftconv.conv2d(x, w, b.to("meta"), method="compiled")
    with pytest.raises(TypeError, match="bias"):
        fftconv.conv2d(x, w, [0.0, 1.0])  # type: ignore[arg-type]


@EACH
def test_forward_mode_of_forward_mode(method: str) -> None:
    """Each level's changes reach the other: a rule of torch's own sees none of an outer level's."""
    generator = torch.Generator().manual_seed(0)
    shapes = (2, 2, 7, 6), (3, 2, 3, 2), (3,)
    x, w, b = (torch.randn(s, generator=generator, dtype=torch.float64) for s in shapes)

    def mixed(function: Any, one: int, other: int) -> Tensor:
        def loss(*operands: Tensor) -> Tensor:
            return (function(*operands) ** 3).sum()

        return torch.func.jacfwd(torch.func.jacfwd(loss, argnums=one), argnums=other)(x, w, b)

    def ours(*operands: Tensor) -> Tensor:
        return fftconv.conv2d(*operands, padding=1, method=method)

    def torchs(*operands: Tensor) -> Tensor:
        return F.conv2d(*operands, padding=1)

    for one, other in ((0, 1), (1, 0), (2, 1), (0, 0)):
        torch.testing.assert_close(mixed(ours, one, other), mixed(torchs, one, other))
