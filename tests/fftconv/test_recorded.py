"""Programs that Python runs once and others run again: what is recorded follows its input."""

import copy
import io
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.fx.experimental.proxy_tensor import make_fx

import fftconv

METHODS = list(fftconv.methods())
EACH = pytest.mark.parametrize("method", METHODS)
pytestmark = pytest.mark.filterwarnings(
    # torch's own, about the tools that these tests are for.
    "ignore:`torch.jit.*` is deprecated",
    "ignore:`torch.jit.*` is not supported",
    "ignore:Using padding='same'",
    # of a shape that is read while a program is recorded; the tests look at other shapes
    "ignore::torch.jit.TracerWarning",
)


def traced(function: Any, *examples: Tensor) -> Any:
    return torch.jit.trace(function, examples)


def close(actual: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-4)


@EACH
@pytest.mark.parametrize(
    "arguments",
    [{}, {"padding": "same", "dilation": 2}, {"padding": 1, "padding_mode": "circular"}],
    ids=str,
)
def test_a_traced_layer_follows_its_input(method: str, arguments: dict[str, Any]) -> None:
    layer = fftconv.Conv2d(2, 3, 4, **arguments, method=method)
    program = traced(layer, torch.randn(2, 2, 20, 20))
    for shape in ((2, 2, 20, 20), (1, 2, 31, 24)):
        x = torch.randn(shape)
        close(program(x), layer(x))


@EACH
def test_a_traced_layer_trains(method: str) -> None:
    layer = fftconv.Conv2d(2, 3, 5, stride=2, method=method)
    program = traced(layer, torch.randn(2, 2, 20, 20))
    x = torch.randn(3, 2, 25, 20, requires_grad=True)
    given = (x, *layer.parameters())
    theirs = torch.autograd.grad(F.conv2d(*given, stride=2).square().sum(), given)
    for ours, expected in zip(
        torch.autograd.grad(program(x).square().sum(), given), theirs, strict=True
    ):
        torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-3)


@EACH
def test_a_traced_function_follows_all_its_operands(method: str) -> None:
    def function(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
        return fftconv.conv2d(x, w, b, padding="same", method=method)

    program = traced(function, torch.randn(2, 9, 9), torch.randn(3, 2, 3, 3), torch.randn(3))
    # Another filter has other zeros around the image.
    x, w, b = torch.randn(2, 12, 10), torch.randn(3, 2, 5, 4), torch.randn(3)
    close(program(x, w, b), F.conv2d(x, w, b, padding="same"))


@EACH
def test_a_trace_under_autocast_keeps_its_dtype(method: str) -> None:
    layer = fftconv.Conv2d(2, 3, 3, method=method)
    with torch.autocast("cpu", torch.bfloat16, cache_enabled=False):
        program = traced(layer, torch.randn(1, 2, 9, 9))
        x = torch.randn(1, 2, 12, 9)
        y = program(x)
    assert y.dtype == torch.bfloat16
    torch.testing.assert_close(y.float(), layer(x), rtol=2e-2, atol=5e-2)


def test_a_trace_says_what_a_call_would_say() -> None:
    with pytest.raises(ValueError, match="'magic'"):
        traced(lambda x: fftconv.conv2d(x, x, method="magic"), torch.randn(1, 1, 4, 4))
    with pytest.raises(RuntimeError, match="padding='same' is not supported with stride"):
        traced(
            lambda x: fftconv.conv2d(x, x, padding="same", stride=2, method="fft"),
            torch.randn(1, 1, 4, 4),
        )


@pytest.mark.parametrize("method", ["auto", "overlap_save"])
def test_a_saved_trace_runs_in_another_process(method: str, tmp_path: Path) -> None:
    layer = fftconv.Conv2d(1, 2, 9, method=method)
    torch.jit.save(traced(layer, torch.randn(1, 1, 40, 40)), tmp_path / "program.pt")
    x = torch.randn(1, 1, 50, 64)
    torch.save((x, layer(x)), tmp_path / "example.pt")
    # `auto` is recorded as torch's own operation: nothing of ours is needed to run it.
    code = (
        f"import torch{'' if method == 'auto' else ', fftconv'}\n"
        "x, y = torch.load('example.pt')\n"
        "torch.testing.assert_close(torch.jit.load('program.pt')(x), y, rtol=1e-4, atol=1e-4)\n"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], cwd=tmp_path, check=True)


@EACH
def test_an_export_to_onnx_sees_the_one_convolution(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    layer = fftconv.Conv2d(1, 2, 5, padding=2, method=method)
    monkeypatch.setattr(torch.onnx, "is_in_onnx_export", lambda: True)
    program = traced(layer, torch.randn(1, 1, 16, 16))
    kinds = [node.kind() for node in program.inlined_graph.nodes()]
    assert "aten::_convolution" in kinds
    assert not any(kind.startswith("fftconv") for kind in kinds)


@EACH
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch's exporter warns of itself
def test_every_method_is_exported_to_onnx(method: str) -> None:
    onnx = pytest.importorskip("onnx")
    file = io.BytesIO()
    model = torch.nn.Sequential(fftconv.Conv2d(1, 2, 5, padding=2, method=method), torch.nn.ReLU())
    torch.onnx.export(model.eval(), (torch.randn(1, 1, 16, 16),), file, dynamo=False)
    graph = onnx.load_from_string(file.getvalue()).graph
    assert [node.op_type for node in graph.node] == ["Conv", "Relu"]


@EACH
@pytest.mark.parametrize("mode", ["real", "fake", "symbolic"])
def test_make_fx_keeps_one_operator(method: str, mode: str) -> None:
    def function(x: Tensor, w: Tensor) -> Tensor:
        return fftconv.conv2d(x, w, padding=1, method=method)

    graph = make_fx(function, tracing_mode=mode)(torch.randn(2, 1, 9, 9), torch.randn(2, 1, 3, 3))
    targets = [str(node.target) for node in graph.graph.nodes]
    assert targets.count("fftconv.conv2d.default") == 1
    x = torch.randn((5, 1, 12, 9) if mode == "symbolic" else (2, 1, 9, 9))
    w = torch.randn(2, 1, 3, 3)
    close(graph(x, w), F.conv2d(x, w, padding=1))


@EACH
def test_make_fx_records_gradients(method: str) -> None:
    def function(x: Tensor, w: Tensor) -> tuple[Tensor, ...]:
        y = fftconv.conv2d(x, w, stride=2, method=method)
        return torch.autograd.grad(y.square().sum(), (x, w))

    def given() -> tuple[Tensor, Tensor]:
        return torch.randn(2, 1, 9, 9, requires_grad=True), torch.randn(
            2, 1, 3, 3, requires_grad=True
        )

    graph = make_fx(function)(*given())
    x, w = given()
    expected = torch.autograd.grad(F.conv2d(x, w, stride=2).square().sum(), (x, w))
    torch.testing.assert_close(graph(x, w), expected, rtol=1e-4, atol=1e-3)


@EACH
@pytest.mark.filterwarnings("ignore:Attempted to insert a get_attr Node")  # torch's own graph
# torch traces with a tangent that nobody has filled, which may hold any number.
@pytest.mark.filterwarnings("ignore:(overflow|invalid value) encountered:RuntimeWarning")
def test_linearize_is_linear(method: str) -> None:
    w = torch.randn(2, 1, 3, 3)

    def function(x: Tensor) -> Tensor:
        return fftconv.conv2d(x, w, method=method)

    y, derivative = torch.func.linearize(function, torch.randn(1, 1, 9, 9))
    x = torch.randn(1, 1, 9, 9)
    close(derivative(x), F.conv2d(x, w))
    assert y.shape == (1, 2, 7, 7)


class Wrapped(torch.nn.Module):
    """A function and a layer, the layer two levels down and called twice."""

    def __init__(self, method: str) -> None:
        super().__init__()
        self.w = torch.nn.Parameter(torch.randn(1, 1, 3, 3))
        self.inner = torch.nn.Sequential(fftconv.Conv2d(1, 1, 3, padding=1, method=method))
        self.method = method

    def forward(self, x: Tensor) -> Tensor:
        y = fftconv.conv2d(x, self.w, padding="same", method=self.method)
        return self.inner(torch.relu(self.inner(y)))


@EACH
def test_a_layer_is_a_leaf_of_an_fx_graph(method: str) -> None:
    model = Wrapped(method)
    graph = torch.fx.symbolic_trace(model)
    calls = [node.op for node in graph.graph.nodes]
    assert calls.count("call_module") == 2
    assert dict(graph.named_modules())["inner.0"] is model.inner[0]
    for program in (graph, copy.deepcopy(graph), pickle.loads(pickle.dumps(graph))):
        x = torch.randn(2, 1, 12, 9)
        close(program(x), model(x))
    again = torch.fx.symbolic_trace(graph)
    assert [node.op for node in again.graph.nodes] == calls


@EACH
@pytest.mark.parametrize("padding_mode", ["zeros", "reflect"])
def test_a_layer_that_is_the_whole_of_an_fx_graph(method: str, padding_mode: str) -> None:
    layer = fftconv.Conv2d(1, 2, 3, padding=1, padding_mode=padding_mode, method=method)
    graph = torch.fx.symbolic_trace(layer)
    for shape in ((1, 1, 9, 8), (1, 9, 8)):
        x = torch.randn(shape)
        close(graph(x), layer(x))


def test_an_fx_graph_may_bring_the_weight_or_the_bias() -> None:
    x, w, b = torch.randn(1, 1, 9, 9), torch.randn(2, 1, 3, 3), torch.randn(2)
    by_weight = torch.fx.symbolic_trace(lambda w: fftconv.conv2d(x, w, method="fft"))
    close(by_weight(w), F.conv2d(x, w))
    by_bias = torch.fx.symbolic_trace(lambda b: fftconv.conv2d(x, w, b, method="compiled"))
    close(by_bias(b), F.conv2d(x, w, b))
