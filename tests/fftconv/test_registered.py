"""A method of somebody's is one like the others, everywhere."""

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import fftconv

ROOT = Path(__file__).parents[2]
ARGUMENTS: dict[str, Any] = {"stride": (2, 1), "padding": (1, 2), "dilation": (1, 2), "groups": 2}


class Double(fftconv.Method):
    """The three maps by torch, in places of torch's own layout."""

    name = "double"

    def forward(self, x: Tensor, w: Tensor, geometry: fftconv.Geometry) -> Tensor:
        return torch.ops.aten.convolution(
            F.pad(x, self._pad(geometry)), w, None, geometry.stride, (0, 0), geometry.dilation,
            False, (0, 0), geometry.groups,
        )  # fmt: skip

    def grad_input(self, g: Tensor, w: Tensor, geometry: fftconv.Geometry) -> Tensor:
        top, _, left, _ = geometry.padding
        rows, columns = geometry.input_size
        padded = torch.nn.grad.conv2d_input(
            (*geometry.input_shape[:2], *geometry.padded_size), w, g, geometry.stride, 0,
            geometry.dilation, geometry.groups,
        )  # fmt: skip
        return padded[..., top : top + rows, left : left + columns]

    def grad_weight(self, x: Tensor, g: Tensor, geometry: fftconv.Geometry) -> Tensor:
        return torch.nn.grad.conv2d_weight(
            F.pad(x, self._pad(geometry)), geometry.weight_shape, g, geometry.stride, 0,
            geometry.dilation, geometry.groups,
        )  # fmt: skip

    def _pad(self, geometry: fftconv.Geometry) -> tuple[int, ...]:
        top, bottom, left, right = geometry.padding
        return left, right, top, bottom


@pytest.fixture(params=["unfold", "double"])
def method(registered: None, request: pytest.FixtureRequest) -> str:
    if request.param == "double":
        fftconv.register(Double())
    else:
        text = (ROOT / "examples" / "unfold.py").read_text()
        exec(compile(text, "unfold.py", "exec"), {"__name__": "unfold"})
    name: str = request.param
    return name


def operands(*, dtype: torch.dtype = torch.float64) -> tuple[Tensor, ...]:
    shapes = ((2, 4, 7, 8), (6, 2, 3, 2), (6,))
    return tuple(torch.randn(shape, dtype=dtype).requires_grad_() for shape in shapes)


def test_it_computes_every_argument(method) -> None:
    given = operands()
    torch.testing.assert_close(
        fftconv.conv2d(*given, **ARGUMENTS, method=method), F.conv2d(*given, **ARGUMENTS)
    )
    x = torch.randn(2, 3, 9, 8)
    layer = fftconv.Conv2d(3, 4, (4, 3), padding="same", method=method)
    native = fftconv.conv2d(x, layer.weight, layer.bias, padding="same", method="native")
    torch.testing.assert_close(layer(x), native)
    torch.testing.assert_close(layer(x[0]), layer(x)[0])


def test_it_has_gradients_of_second_order(method) -> None:
    def call(*given: Tensor) -> Tensor:
        return fftconv.conv2d(*given, **ARGUMENTS, method=method)

    assert torch.autograd.gradcheck(call, operands())
    assert torch.autograd.gradgradcheck(call, operands())


@pytest.mark.filterwarnings(
    "ignore:`torch.jit.script` is deprecated", "ignore:`torch.jit.script_method` is deprecated"
)
def test_it_is_compiled_and_mapped(method) -> None:
    torch._dynamo.reset()
    given = operands()

    def call(*given: Tensor) -> Tensor:
        return fftconv.conv2d(*given, **ARGUMENTS, method=method)

    compiled = torch.compile(call, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(*given), call(*given))
    many = torch.randn(3, 2, 4, 7, 8, dtype=torch.float64)
    mapped = torch.vmap(call, (0, None, None))(many, *given[1:])
    torch.testing.assert_close(mapped[1], call(many[1], *given[1:]))


def test_half_precision_is_computed_in_float32(method) -> None:
    x, w, b = (t.detach() for t in operands(dtype=torch.bfloat16))
    y = fftconv.conv2d(x, w, b, method=method, groups=2)
    assert y.dtype == torch.bfloat16
    torch.testing.assert_close(y, F.conv2d(x, w, b, groups=2), rtol=2e-2, atol=5e-2)


def test_it_is_listed_surveyed_and_converted_to(method) -> None:
    listed = fftconv.methods()[method]
    assert (listed.cpu, listed.cuda, listed.half, listed.integer) == (
        "yes", "no", "in float32", "no",
    )  # fmt: skip
    assert method in str(listed)
    model = torch.nn.Sequential(torch.nn.Conv2d(2, 4, 3))
    x = torch.randn(1, 2, 9, 9)
    assert method in fftconv.survey(model, x).rows[0].seconds
    expected = model(x)
    torch.testing.assert_close(fftconv.convert(model, method)(x), expected)


def test_auto_takes_it_only_where_it_says_what_it_costs(registered) -> None:
    case = (1, 1, 64, 64), (1, 1, 5, 5)
    fftconv.register(Double())
    plan = fftconv.plan(*case, needs_grad=True)
    assert all("double" not in seconds for seconds in plan.seconds.values())

    class Quick(Double):
        name = "quick"

        def seconds(self, names: Any, geometry: fftconv.Geometry, *_: object) -> float:
            return 1e-9 * len(names)

    fftconv.register(Quick())
    plan = fftconv.plan(*case, needs_grad=True)
    assert set(plan.chosen.values()) == {"quick"}
    given = torch.randn(case[0]), torch.randn(case[1])
    torch.testing.assert_close(fftconv.conv2d(*given), F.conv2d(*given), rtol=1e-4, atol=1e-4)
    assert fftconv.plan(*case, dtype=torch.bfloat16).method == "quick"  # in float32

    class Large(Quick):
        name = "large"

        def memory(self, geometry: fftconv.Geometry, item_bytes: int) -> int:
            return 4 * item_bytes * geometry.numbers

    fftconv.register(Large())
    plan = fftconv.plan(*case)
    assert plan.method == "quick"
    assert "large (too much memory)" in str(plan)


def test_what_it_does_not_support_it_says(registered) -> None:
    class Plain(Double):
        name = "plain"

        def unsupported(self, geometry: fftconv.Geometry, *_: object) -> str | None:
            return None if geometry.is_unit else "method 'plain' takes no stride or dilation"

    fftconv.register(Plain())
    assert fftconv.methods()["plain"].strided == "no"
    x, w = torch.randn(1, 1, 8, 8), torch.randn(1, 1, 3, 3)
    with pytest.raises(NotImplementedError, match="'plain' takes no stride"):
        fftconv.conv2d(x, w, stride=2, method="plain")


class Prepared(fftconv.Maps):
    def __init__(self, geometry: fftconv.Geometry) -> None:
        self.geometry, self.maps = geometry, Double()

    def forward(self, x: Tensor, w: Tensor, bias: Tensor | None = None) -> Tensor:
        y = self.maps.forward(x, w, self.geometry)
        return y if bias is None else y + bias.view(-1, 1, 1)

    def grad_input(self, g: Tensor, w: Tensor) -> Tensor:
        return self.maps.grad_input(g, w, self.geometry)

    def grad_weight(self, x: Tensor, g: Tensor) -> Tensor:
        return self.maps.grad_weight(x, g, self.geometry)


def test_it_may_prepare_a_case_by_itself(registered) -> None:
    class Own(fftconv.Method):
        name = "own"

        def prepare(self, geometry: fftconv.Geometry, *_: object) -> fftconv.Maps:
            return Prepared(geometry)

    fftconv.register(Own())
    given = operands()
    torch.testing.assert_close(
        fftconv.conv2d(*given, **ARGUMENTS, method="own"), F.conv2d(*given, **ARGUMENTS)
    )


@pytest.mark.parametrize("name", ["native", "auto"])
def test_a_name_that_is_taken_is_refused(registered, name) -> None:
    method = Double()
    method.name = name
    with pytest.raises(ValueError, match=f"there is a method '{name}' already"):
        fftconv.register(method)


@pytest.mark.parametrize("name", ["", "a b", "a'b", "a,b", 3])
def test_a_name_that_is_none_is_refused(registered, name) -> None:
    method = Double()
    method.name = name
    with pytest.raises(ValueError, match="a method's name must be letters, digits"):
        fftconv.register(method)


def test_what_is_no_method_is_refused(registered) -> None:
    with pytest.raises(TypeError, match=r"must be an instance of fftconv\.Method, got .*Double"):
        fftconv.register(Double)  # type: ignore[arg-type]

    class Half(fftconv.Method):
        name = "half"

        def forward(self, x: Tensor, w: Tensor, geometry: fftconv.Geometry) -> Tensor:
            return x

    with pytest.raises(TypeError, match="method 'half' lacks grad_input, grad_weight"):
        fftconv.register(Half())


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (lambda y: y.numpy(), "forward of method 'wrong' must return a Tensor, got ndarray"),
        (lambda y: y[..., 1:], r"must return shape \(1, 1, 6, 6\), got \(1, 1, 6, 5\)"),
        (lambda y: y.double(), r"must return torch.float32 on cpu, got torch.float64 on cpu"),
    ],
)
def test_a_result_that_is_none_is_said(registered, result, message) -> None:
    class Wrong(Double):
        name = "wrong"

        def forward(self, x: Tensor, w: Tensor, geometry: fftconv.Geometry) -> Any:
            return result(super().forward(x, w, geometry))

    fftconv.register(Wrong())
    with pytest.raises((TypeError, RuntimeError), match=message):
        fftconv.conv2d(torch.ones(1, 1, 8, 8), torch.ones(1, 1, 3, 3), method="wrong")


def test_a_result_is_never_an_operand(registered) -> None:
    class Identity(Double):
        name = "identity"

        def forward(self, x: Tensor, w: Tensor, geometry: fftconv.Geometry) -> Tensor:
            return x

    fftconv.register(Identity())
    x, w = torch.ones(1, 1, 4, 4), torch.ones(1, 1, 1, 1)
    fftconv.conv2d(x, w, method="identity").add_(1)
    fftconv.conv2d(x, w, torch.ones(1), method="identity")
    assert torch.equal(x, torch.ones(1, 1, 4, 4))
