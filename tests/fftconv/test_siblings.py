"""conv1d, conv_transpose2d and their layers wherever torch's are used: any order, any watcher."""

import copy
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.fx.experimental.proxy_tensor import make_fx

import fftconv
from fftconv import transposed

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


def test_a_transposed_convolution_is_planned() -> None:
    """The way back from a wide filter is a transform, where torch would take a second."""
    x, w = torch.randn(1, 1, 300, 300), torch.randn(1, 1, 41, 41)
    assert fftconv.plan((1, 1, 340, 340), w.shape, needs_grad=True).chosen["grad_input"] != "native"
    y = fftconv.conv_transpose2d(x, w)
    torch.testing.assert_close(y, F.conv_transpose2d(x, w), rtol=1e-3, atol=1e-3)


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
