"""The learnable layer by three methods: values and gradients against float64, errors, state."""

import copy
import subprocess
import sys

import pytest
import torch
from torch import Tensor

from fftconv import (
    FFTConv2d,
    FFTConv2dFunction,
    NativeConv2d,
    ScipyConv2d,
    ScipyConv2dFunction,
)

LAYERS = [ScipyConv2d, FFTConv2d, NativeConv2d]
EACH = pytest.mark.parametrize("layer_type", LAYERS)
DTYPES = pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
SHAPES = [((10, 10), (3, 3)), ((7, 12), (2, 5)), ((5, 4), (5, 1)), ((6, 6), (6, 6))]


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def gradients(layer, x: Tensor, grad_output: Tensor) -> tuple[Tensor, ...]:
    return torch.autograd.grad(layer(x), (x, layer.filter, layer.bias), grad_output)


def reference(layer, x: Tensor, grad_output: Tensor) -> tuple[Tensor, ...]:
    """Output and gradients by torch in float64."""
    x64, w64, b64 = (t.detach().double().requires_grad_() for t in (x, layer.filter, layer.bias))
    y = torch.nn.functional.conv2d(x64[None, None], w64[None, None], b64[0])[0, 0]
    return y.detach(), *torch.autograd.grad(y, (x64, w64, b64), grad_output.double())


@EACH
@DTYPES
@pytest.mark.parametrize(("input_size", "filter_size"), SHAPES)
def test_output_and_gradients(layer_type, dtype, input_size, filter_size) -> None:
    layer = layer_type(*filter_size).to(dtype)
    x = torch.randn(input_size, dtype=dtype, requires_grad=True)
    y = layer(x)
    grad_output = torch.randn_like(y)
    results = (y.detach(), *gradients(layer, x, grad_output))
    for result, expected in zip(results, reference(layer, x, grad_output), strict=True):
        assert result.dtype == dtype
        # Relative to the scale of the whole: single entries may cancel to nearly nothing.
        tolerance = 20 * torch.finfo(dtype).eps * expected.abs().max().clamp(min=1).item()
        torch.testing.assert_close(result.double(), expected, atol=tolerance, rtol=0)


@EACH
def test_gradients_keep_the_dtype_of_what_they_belong_to(layer_type) -> None:
    # The tutorial's own check: a float64 input into a float32 layer, and the reverse, in which
    # the tutorial's code loses half the digits of the filter's gradient.
    for input_dtype, filter_dtype in [
        (torch.float64, torch.float32),
        (torch.float32, torch.float64),
    ]:
        layer = layer_type(3, 3).to(filter_dtype)
        x = torch.randn(9, 9, dtype=input_dtype, requires_grad=True)
        y = layer(x)
        assert y.dtype == input_dtype
        results = gradients(layer, x, torch.ones_like(y))
        assert [g.dtype for g in results] == [input_dtype, filter_dtype, filter_dtype]


@pytest.mark.parametrize("layer_type", [ScipyConv2d, FFTConv2d])
def test_float64_filter_gradient_has_float64_digits(layer_type) -> None:
    layer = layer_type(3, 3).double()
    x = torch.randn(20, 20, dtype=torch.float64, requires_grad=True)
    y = layer(x)
    grad_output = torch.randn_like(y)
    _, grad_filter, grad_bias = gradients(layer, x, grad_output)
    _, _, expected_filter, expected_bias = reference(layer, x, grad_output)
    torch.testing.assert_close(grad_filter, expected_filter, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(grad_bias, expected_bias, rtol=1e-12, atol=1e-12)


@EACH
@pytest.mark.parametrize("size", [(3, 3), (2, 4)])
def test_gradients_of_any_order(layer_type, size) -> None:
    layer = layer_type(*size).double()

    def f(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
        return torch.func.functional_call(layer, {"filter": w, "bias": b}, (x,))

    inputs = (
        torch.randn(5, 6, dtype=torch.float64, requires_grad=True),
        *(p.detach().requires_grad_() for p in layer.parameters()),
    )
    assert torch.autograd.gradcheck(f, inputs)
    assert torch.autograd.gradgradcheck(f, inputs)


def test_the_tutorials_example_as_written(capsys) -> None:
    namespace: dict[str, object] = {}
    exec(TUTORIAL_EXAMPLE, namespace)
    assert "Are the gradients correct:  True" in capsys.readouterr().out
    x = namespace["x"]
    assert isinstance(x, Tensor)
    assert x.grad is not None
    assert x.grad.shape == (10, 10)


TUTORIAL_EXAMPLE = """
import torch
from torch.autograd.gradcheck import gradcheck
from fftconv import incorrect_fft, ScipyConv2d

input = torch.randn(8, 8, requires_grad=True)
result = incorrect_fft(input)
print(result)
result.backward(torch.randn(result.size()))
print(input)

module = ScipyConv2d(3, 3)
print("Filter and bias: ", list(module.parameters()))
input = torch.randn(10, 10, requires_grad=True)
output = module(input)
print("Output from the convolution: ", output)
output.backward(torch.randn(8, 8))
print("Gradient for the input map: ", input.grad)
x = input

moduleConv = ScipyConv2d(3, 3)

input = [torch.randn(20, 20, dtype=torch.double, requires_grad=True)]
test = gradcheck(moduleConv, input, eps=1e-6, atol=1e-4)
print("Are the gradients correct: ", test)
"""


@pytest.mark.parametrize("function", [ScipyConv2dFunction, FFTConv2dFunction])
def test_only_the_gradients_that_are_asked_for(function, monkeypatch) -> None:
    import scipy.signal

    calls: list[str] = []
    for name in ("correlate2d", "convolve2d", "fftconvolve"):
        original = getattr(scipy.signal, name)
        monkeypatch.setattr(
            scipy.signal,
            name,
            lambda *args, _original=original, **kw: (
                calls.append(kw["mode"]) or _original(*args, **kw)
            ),
        )
    x, w, b = torch.randn(6, 6), torch.randn(3, 3), torch.randn(1, 1)
    for wanted, expected in [(x, ["full"]), (w, ["valid"]), (b, [])]:
        wanted.requires_grad_()
        y = function.apply(x, w, b)
        calls.clear()
        y.sum().backward()
        assert calls == expected
        wanted.requires_grad_(False)


@EACH
def test_non_contiguous_and_negated_input(layer_type) -> None:
    layer = layer_type(3, 2)
    transposed = torch.randn(8, 9).t()
    torch.testing.assert_close(layer(transposed), layer(transposed.contiguous()))
    negated = torch.randn(8, 8, dtype=torch.complex64).conj().imag
    torch.testing.assert_close(layer(negated), layer(negated.resolve_neg()))
    expanded = torch.randn(1, 8).expand(8, 8).requires_grad_()
    layer(expanded).sum().backward()


@EACH
def test_torch_func(layer_type) -> None:
    layer = layer_type(2, 2)
    x = torch.randn(5, 5)
    gradient = torch.func.grad(lambda t: layer(t).square().sum())(x)
    leaf = x.clone().requires_grad_()
    layer(leaf).square().sum().backward()
    torch.testing.assert_close(gradient, leaf.grad)


@pytest.mark.parametrize("source", LAYERS)
@pytest.mark.parametrize("target", LAYERS)
def test_weights_of_one_load_into_another(source, target) -> None:
    a, b = source(4, 3), target(4, 3)
    b.load_state_dict(a.state_dict())
    x = torch.randn(9, 9)
    torch.testing.assert_close(a(x), b(x))


@EACH
def test_parameters_and_repr(layer_type) -> None:
    layer = layer_type(4, 3)
    shapes = {name: tuple(p.shape) for name, p in layer.named_parameters()}
    assert shapes == {"filter": (4, 3), "bias": (1, 1)}
    assert repr(layer) == f"{layer_type.__name__}(4, 3)"
    assert torch.equal(copy.deepcopy(layer).filter, layer.filter)


@EACH
@pytest.mark.parametrize(
    ("bad", "error", "message"),
    [
        (torch.randn(8), RuntimeError, r"input \(8,\) and filter \(3, 5\)"),
        (torch.randn(1, 8, 8), RuntimeError, r"input \(1, 8, 8\) and filter \(3, 5\)"),
        (torch.randn(8, 4), RuntimeError, r"no larger than the input.*\(8, 4\)"),
        (torch.randn(2, 8), RuntimeError, r"no larger than the input.*\(2, 8\)"),
        (torch.randn(2, 2), RuntimeError, r"no larger than the input.*\(2, 2\)"),
        (torch.ones(8, 8, dtype=torch.int32), RuntimeError, "input must be .* got torch.int32"),
        (torch.randn(8, 8, dtype=torch.complex128), RuntimeError, "got torch.complex128"),
        (torch.randn(8, 8, dtype=torch.bfloat16), RuntimeError, "got torch.bfloat16"),
        (None, TypeError, "input must be a Tensor, got NoneType"),
    ],
)
def test_bad_input_gets_one_line(layer_type, bad, error, message) -> None:
    with pytest.raises(error, match=message) as raised:
        layer_type(3, 5)(bad)
    assert "\n" not in str(raised.value)
    assert str(raised.value).startswith(f"{layer_type.__name__}: ")


@pytest.mark.parametrize("layer_type", [ScipyConv2d, FFTConv2d])
def test_another_device_is_refused_by_the_layers_that_leave_torch(layer_type) -> None:
    with pytest.raises(TypeError, match="input is on meta, but this layer computes on the CPU"):
        layer_type(3, 3)(torch.randn(8, 8, device="meta"))


@EACH
@pytest.mark.parametrize(
    ("size", "error"), [((0, 3), ValueError), ((3, -1), ValueError), ((3, 2.5), TypeError)]
)
def test_bad_filter_size(layer_type, size, error) -> None:
    with pytest.raises(error, match=r"filter_(width|height) must be"):
        layer_type(*size)


def test_importing_the_package_loads_nothing_that_is_not_used() -> None:
    heavy = ["scipy.signal", "numba", "asv", "pyperf", "matplotlib"]
    script = f"import sys, fftconv; print([m for m in {heavy!r} if m in sys.modules])"
    loaded = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert loaded.stdout.strip() == "[]"
