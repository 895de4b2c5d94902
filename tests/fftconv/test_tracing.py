"""Programs that are traced, exported or run in another precision keep their values."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import fftconv

METHODS = list(fftconv.methods())
EACH = pytest.mark.parametrize("method", METHODS)
ARGUMENTS: dict[str, Any] = {"stride": (2, 1), "padding": (1, 2), "dilation": (1, 2), "groups": 2}
NUMBERS = ((2, 1), (1, 1, 2, 2), (1, 2), 2)
pytestmark = pytest.mark.filterwarnings(
    # torch's own, while it imports its compiler.
    "ignore:`torch.jit.script` is deprecated",
    "ignore:`torch.jit.script_method` is deprecated",
)


def operands(requires_grad: bool = True, batch: int = 2) -> tuple[Tensor, ...]:
    shapes = ((batch, 4, 7, 8), (6, 2, 3, 2), (6,))
    return tuple(torch.randn(s).requires_grad_(requires_grad) for s in shapes)


def subject(method: str) -> Callable[..., Tensor]:
    return lambda x, w, b: fftconv.conv2d(x, w, b, **ARGUMENTS, method=method)


def results(function: Callable[..., Tensor], given: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    y = function(*given)
    return y, *torch.autograd.grad(y.square().sum(), given)


@EACH
@pytest.mark.parametrize("dynamic", [False, True])
def test_compiles_without_a_graph_break(method: str, dynamic: bool) -> None:
    torch._dynamo.reset()
    compiled = torch.compile(subject(method), fullgraph=True, backend="aot_eager", dynamic=dynamic)
    for batch in (2, 3):
        given = operands(batch=batch)
        expected = results(lambda *t: F.conv2d(*t, **ARGUMENTS), given)
        torch.testing.assert_close(results(compiled, given), expected, rtol=1e-4, atol=1e-4)


def test_compiles_with_the_default_backend() -> None:
    torch._dynamo.reset()
    model = torch.nn.Sequential(
        fftconv.Conv2d(4, 6, 3, padding="same", method="fft"),
        torch.nn.ReLU(),
        fftconv.Conv2d(6, 2, 3, padding=1, padding_mode="reflect", method="direct"),
    )
    x = torch.randn(2, 4, 9, 9)
    with torch.no_grad():
        torch.testing.assert_close(torch.compile(model, fullgraph=True)(x), model(x))


# torch 2.14's own check looks at gradients of tensors that are no leaves.
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")
@EACH
@pytest.mark.parametrize("requires_grad", [False, True])
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last], ids=str)
def test_operators_pass_torchs_checks(
    method: str, requires_grad: bool, memory_format: torch.memory_format
) -> None:
    x, w, b = operands(requires_grad=False)
    x = x.to(memory_format=memory_format)
    g = torch.randn_like(F.conv2d(x, w, b, **ARGUMENTS))
    x, w, b, g = (t.requires_grad_(requires_grad) for t in (x, w, b, g))
    for name, given in {
        "conv2d": (x, w, b),
        "grad_input": (g, w, x.shape[2:]),
        "grad_weight": (x, g, w.shape[2:]),
        "grads": (g, x, w),
    }.items():
        operator = getattr(torch.ops.fftconv, name).default
        checks = torch.library.opcheck(operator, (*given, *NUMBERS, method))
        assert set(checks.values()) == {"SUCCESS"}


@EACH
@pytest.mark.parametrize("strict", [False, True])
def test_exports(method: str, strict: bool) -> None:
    layer = fftconv.Conv2d(4, 6, 3, padding=1, method=method)
    x = torch.randn(2, 4, 9, 9)
    program = torch.export.export(
        layer, (x,), dynamic_shapes={"input": {0: torch.export.Dim("n", min=1)}}, strict=strict
    )
    targets = [str(node.target) for node in program.graph.nodes]
    # A native layer is torch's, for programs without fftconv as well.
    operator = "aten.conv2d.default" if method == "native" else "fftconv.conv2d.default"
    assert targets.count(operator) == 1
    more = torch.randn(5, 4, 9, 9)
    torch.testing.assert_close(program.module()(more), layer(more))


@EACH
@pytest.mark.parametrize("compiled", [False, True])
def test_autocast_computes_as_torch_does(method: str, compiled: bool) -> None:
    torch._dynamo.reset()
    function = subject(method)
    if compiled:
        function = torch.compile(function, fullgraph=True, backend="aot_eager")
    given = operands()
    with torch.autocast("cpu", torch.bfloat16):
        y, expected = function(*given), F.conv2d(*given, **ARGUMENTS)
    assert y.dtype == expected.dtype == torch.bfloat16
    torch.testing.assert_close(y, expected, rtol=2e-2, atol=5e-2)
    gradients = torch.autograd.grad(y.float().sum(), given)
    assert [g.dtype for g in gradients] == [torch.float32] * 3
    with torch.autocast("cpu", torch.bfloat16):
        wide = fftconv.conv2d(*(t.double() for t in given), **ARGUMENTS, method=method)
    assert wide.dtype == torch.float64


@EACH
def test_meta_tensors_have_shapes_only(method: str) -> None:
    layer = fftconv.Conv2d(4, 6, 3, padding=1, method=method, device="meta")
    y = layer(torch.empty(2, 4, 9, 9, device="meta"))
    assert y.shape == (2, 6, 9, 9)
    y.sum().backward()


def test_tracing_says_what_a_method_cannot_do() -> None:
    given = [t.long() for t in operands(requires_grad=False)]
    with pytest.raises(RuntimeError, match=r"method 'fft' does not compute in torch\.int64"):
        torch.compile(subject("fft"), fullgraph=True, backend="eager")(*given)
