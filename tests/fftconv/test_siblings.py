"""conv1d, conv_transpose2d and their layers wherever torch's are used: any order, any watcher."""

import copy
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.fx.experimental.proxy_tensor import make_fx

import fftconv

METHODS = list(fftconv.methods())
EACH = pytest.mark.parametrize("method", METHODS)
FUNCTION = pytest.mark.parametrize("function", ["conv1d", "conv_transpose2d"])
pytestmark = [
    # torch's own, about the tools that some tests are for.
    pytest.mark.filterwarnings("ignore:`torch.jit.*` is deprecated"),
    pytest.mark.filterwarnings("ignore:`torch.jit.*` is not supported"),
    pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning"),
]
SHAPES = {
    "conv1d": ((2, 4, 20), (6, 2, 5), (6,)),
    "conv_transpose2d": ((2, 4, 6, 5), (4, 3, 3, 2), (6,)),
}
ARGUMENTS: dict[str, dict[str, Any]] = {
    "conv1d": {"stride": 2, "padding": 3, "dilation": 2, "groups": 2},
    "conv_transpose2d": {"stride": 2, "padding": 1, "output_padding": (1, 0), "groups": 2},
}


def operands(function: str, dtype: torch.dtype = torch.float64) -> list[Tensor]:
    return [torch.randn(shape, dtype=dtype, requires_grad=True) for shape in SHAPES[function]]


def ours(function: str, method: str) -> Any:
    return lambda *given: getattr(fftconv, function)(*given, **ARGUMENTS[function], method=method)


def theirs(function: str) -> Any:
    return lambda *given: getattr(F, function)(*given, **ARGUMENTS[function])


@FUNCTION
@EACH
def test_gradients_of_any_order(function: str, method: str) -> None:
    given = operands(function)
    torch.autograd.gradcheck(ours(function, method), given, fast_mode=True)
    torch.autograd.gradgradcheck(ours(function, method), given, fast_mode=True)


@FUNCTION
@EACH
def test_forward_mode_and_vmap(function: str, method: str) -> None:
    given = [t.detach() for t in operands(function)]
    changes = tuple(torch.randn_like(t) for t in given)
    actual = torch.func.jvp(ours(function, method), tuple(given), changes)
    expected = torch.func.jvp(theirs(function), tuple(given), changes)
    torch.testing.assert_close(actual, expected)
    many = torch.stack([given[0], 2 * given[0]])
    both = torch.vmap(ours(function, method), (0, None, None))(many, *given[1:])
    torch.testing.assert_close(
        both, torch.vmap(theirs(function), (0, None, None))(many, *given[1:])
    )


@FUNCTION
@pytest.mark.parametrize("method", ["auto", "fft", "overlap_save"])
def test_one_graph_for_all_sizes(function: str, method: str) -> None:
    torch._dynamo.reset()
    compiled = torch.compile(
        ours(function, method), fullgraph=True, dynamic=True, backend="aot_eager"
    )
    for more in (0, 4):
        given = [t.detach().requires_grad_() for t in operands(function)]
        x = torch.randn(*given[0].shape[:-1], given[0].shape[-1] + more, dtype=torch.float64)
        given[0] = x.requires_grad_()
        y, expected = compiled(*given), theirs(function)(*given)
        torch.testing.assert_close(y, expected)
        torch.testing.assert_close(
            torch.autograd.grad(y.square().sum(), given),
            torch.autograd.grad(expected.square().sum(), given),
        )


@FUNCTION
@EACH
def test_a_trace_follows_its_operands(function: str, method: str) -> None:
    given = [t.detach() for t in operands(function)]
    program = torch.jit.trace(ours(function, method), tuple(given))
    x = torch.randn(*given[0].shape[:-1], 31, dtype=torch.float64)
    w = torch.randn(*given[1].shape[:-1], 4, dtype=torch.float64)
    torch.testing.assert_close(program(x, w, given[2]), theirs(function)(x, w, given[2]))


@FUNCTION
@EACH
def test_make_fx_keeps_an_operator(function: str, method: str) -> None:
    given = operands(function)
    graph = make_fx(ours(function, method))(*given)
    assert any(str(node.target).startswith("fftconv.") for node in graph.graph.nodes)
    given = operands(function)
    torch.testing.assert_close(graph(*given), theirs(function)(*given))


@FUNCTION
@EACH
def test_autocast_takes_torchs_dtype(function: str, method: str) -> None:
    given = operands(function, torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        y, expected = ours(function, method)(*given), theirs(function)(*given)
    assert y.dtype == expected.dtype == torch.bfloat16
    torch.testing.assert_close(y, expected, rtol=2e-2, atol=5e-2)
    assert [g.dtype for g in torch.autograd.grad(y.float().sum(), given)] == [torch.float32] * 3


LAYERS: dict[str, tuple[Any, tuple[int, ...]]] = {
    "Conv1d": (lambda c, **k: c(3, 4, 5, padding="same", **k), (2, 3, 30)),
    "ConvTranspose2d": (lambda c, **k: c(3, 4, 5, stride=2, padding=1, **k), (2, 3, 8, 7)),
}


@pytest.mark.parametrize("name", LAYERS)
@EACH
def test_layers_hold_what_torchs_hold(name: str, method: str) -> None:
    make, shape = LAYERS[name]
    reference = make(getattr(torch.nn, name))
    layer = make(getattr(fftconv, name), method=method)
    layer.load_state_dict(reference.state_dict())
    assert repr(layer).endswith(f"method={method})")
    x = torch.randn(shape)
    model = torch.nn.Sequential(layer, torch.nn.ReLU())
    graph = torch.fx.symbolic_trace(model)
    assert [node.op for node in graph.graph.nodes].count("call_module") == 2
    expected = reference(x)
    for y in (layer(x), copy.deepcopy(layer)(x), layer(x[0])[None]):
        torch.testing.assert_close(y, expected[: len(y)], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(graph(x), expected.relu(), rtol=1e-4, atol=1e-5)
    if name == "Conv1d":  # of ConvTranspose2d torch.fx makes two inputs, which torch's forbids
        alone = torch.fx.symbolic_trace(layer)
        torch.testing.assert_close(alone(x), expected, rtol=1e-4, atol=1e-5)
    assert layer.to("meta")(torch.empty(shape, device="meta")).shape == expected.shape


def test_a_sequence_takes_one_number() -> None:
    x, w = torch.randn(1, 1, 9), torch.randn(1, 1, 3)
    close = torch.testing.assert_close
    close(fftconv.conv1d(x, w, stride=[2], padding=(1,)), F.conv1d(x, w, stride=2, padding=1))
    with pytest.raises(RuntimeError, match="stride must be one integer"):
        fftconv.conv1d(x, w, stride=(1, 2))
    with pytest.raises(RuntimeError, match="weight must have 3 dimensions"):
        fftconv.conv1d(x, w[0])
    with pytest.raises(TypeError, match="input must be a Tensor"):
        fftconv.conv1d([1.0], w)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="'magic'"):
        fftconv.conv1d(x, w, method="magic")


@FUNCTION
def test_other_layouts_are_torchs_or_refused(function: str) -> None:
    given = [t.detach() for t in operands(function, torch.float32)]
    expected = theirs(function)(*given)
    opaque = given[0].to_mkldnn(), *given[1:]
    with torch.no_grad():
        y = ours(function, "auto")(*opaque)
        torch.testing.assert_close(y.to_dense(), expected, rtol=1e-4, atol=1e-4)
    with pytest.raises(NotImplementedError, match="takes strided tensors, input is"):
        ours(function, "fft")(*opaque)
