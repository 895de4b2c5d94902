"""A converted network is compiled, traced, exported and counted as one of torch's layers is."""

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import fftconv

pytestmark = pytest.mark.filterwarnings(
    # torch's own, while it imports its compiler.
    "ignore:`torch.jit.script` is deprecated",
    "ignore:`torch.jit.script_method` is deprecated",
)


class Backend:
    """Runs what it is given, and remembers the operators of every graph."""

    def __init__(self) -> None:
        self.graphs: list[list[str]] = []

    def __call__(self, graph: torch.fx.GraphModule, _: object) -> object:
        from torch._dynamo.backends.common import aot_autograd

        def forward(compiled: torch.fx.GraphModule, _: object) -> object:
            names = [str(node.target) for node in compiled.graph.nodes]
            self.graphs.append([name for name in names if "conv" in name and "." in name])
            return compiled.forward

        return aot_autograd(fw_compiler=forward)(graph, _)

    @property
    def kinds(self) -> set[str]:
        return {name.split(".")[0] for name in self.graphs[-1]}


def test_conversion_before_torch_compile(network, x) -> None:
    torch._dynamo.reset()
    fftconv.convert(network.eval(), "fft", filter_fn=lambda _, name: name != "normed")
    backend = Backend()
    with torch.no_grad():
        y = torch.compile(network, backend=backend, fullgraph=True)(x)
        torch.testing.assert_close(y, network(x))
    assert backend.graphs[-1].count("fftconv.conv2d.default") == 5


def test_conversion_after_torch_compile(network, x) -> None:
    torch._dynamo.reset()
    backend = Backend()
    compiled = torch.compile(network.eval(), backend=backend, fullgraph=True)
    with torch.no_grad():
        expected = compiled(x)
        assert backend.kinds == {"aten"}
        assert fftconv.convert(compiled, "fft") is compiled
        torch.testing.assert_close(compiled(x), expected)
        assert backend.graphs[-1].count("fftconv.conv2d.default") == 6
        fftconv.convert(compiled, "direct")
        torch.testing.assert_close(compiled(x), expected)
        assert len(backend.graphs) == 3
        fftconv.revert(compiled)
        torch.testing.assert_close(compiled(x), expected)
    assert backend.kinds == {"aten"}


def test_layers_are_leaves_of_an_fx_graph_as_torchs_are(network, x) -> None:
    def leaves() -> list[str]:
        graph = torch.fx.symbolic_trace(network.eval())
        torch.testing.assert_close(graph(x), network(x))
        return [str(node.target) for node in graph.graph.nodes if node.op == "call_module"]

    before = leaves()
    fftconv.convert(network, "fft")
    after = leaves()
    after.remove("same")  # torch looks into a class of somebody's, we have made it one of ours
    assert after == before


def test_hooks_run_once_in_an_fx_graph() -> None:
    model = nn.Sequential(nn.Conv2d(1, 1, 3, bias=False))
    model[0].register_forward_pre_hook(lambda _, given: (given[0] * 2,))
    model[0].register_forward_hook(lambda _, __, y: y + 1)
    x = torch.randn(1, 1, 8, 8)
    expected = model(x)
    fftconv.convert(model, "fft")
    graph = torch.fx.symbolic_trace(model)
    assert [node.op for node in graph.graph.nodes] == ["placeholder", "call_module", "output"]
    torch.testing.assert_close(graph(x), expected)


@pytest.mark.parametrize("strict", [False, True])
def test_a_converted_network_is_exported(network, x, strict) -> None:
    fftconv.convert(network.eval(), "compiled")
    program = torch.export.export(network, (x,), strict=strict)
    targets = [str(node.target) for node in program.graph.nodes]
    assert targets.count("fftconv.conv2d.default") == 6
    torch.testing.assert_close(program.module()(x), network(x))


@pytest.mark.parametrize("method", list(fftconv.methods()))
def test_operations_are_counted_as_torchs_are(network, x, method) -> None:
    def counted() -> dict[str, int]:
        with FlopCounterMode(display=False) as counter:
            network(x).sum().backward()
        counts = counter.get_flop_counts()
        return {name: sum(by_operator.values()) for name, by_operator in counts.items()}

    expected = counted()
    assert expected["Global"] > 0
    fftconv.convert(network, method)
    assert counted() == expected


@pytest.mark.parametrize("of_weight", [True, False])
def test_operations_of_one_gradient_are_counted_as_torchs_are(of_weight) -> None:
    layer = nn.Conv2d(4, 6, 3, stride=2, padding=1, dilation=2, groups=2)
    layer.requires_grad_(of_weight)
    x = torch.randn(2, 4, 15, 16, requires_grad=not of_weight)
    counts = []
    for change in (fftconv.revert, lambda layer: fftconv.convert(layer, "fft")):
        change(layer)
        with FlopCounterMode(display=False) as counter:
            layer(x).sum().backward()
        counts.append(counter.get_total_flops())
    assert counts[0] == counts[1] > 0
