"""A survey sees every call of a layer with its true shapes, and leaves the model as it was."""

import random

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import fftconv
from fftconv.models import caches, contenders, timing, watching
from fftconv.models.survey import GAIN

METHODS = ("native", "compiled")

pytestmark = pytest.mark.usefixtures("quick")


def test_each_layer_has_a_row_with_its_shapes_and_calls(network, x) -> None:
    found = fftconv.survey(network, x, methods=METHODS)
    rows = {row.name: row for row in found.rows}
    assert list(rows) == ["first", "shared", "normed", "same", "head.0"]  # not the special one
    assert [row.calls for row in found.rows] == [1, 2, 1, 1, 1]
    assert rows["first"].input_shape == (2, 3, 16, 16)
    assert rows["first"].output_shape == (2, 4, 8, 8)
    assert rows["first"].padding_mode == "reflect"
    assert rows["normed"].weight_shape == (6, 2, 3, 3)
    assert rows["normed"].groups == 2
    assert rows["same"].padding == "same"
    for row in found.rows:
        assert row.now == "native"
        assert row.dtype == "float32"
        assert row.seconds.keys() == row.forward.keys() == row.backward.keys() == set(METHODS)
        assert all(s > 0 for s in row.seconds.values())
        least = min(row.seconds.values())
        assert row.seconds[row.best] == least or least >= GAIN * row.seconds["native"]
        assert row.saved_s >= 0
    assert found.saved_s <= sum(row.saved_s for row in found.rows) + 1e-12
    assert found.model_s == found.model_forward_s + found.model_backward_s > 0
    assert found.share == pytest.approx(found.layers_s / found.model_s)


def test_a_layer_that_is_called_with_two_shapes_has_two_rows() -> None:
    class Pyramid(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(1, 1, 3)

        def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            return self.conv(x), self.conv(x), self.conv(x[..., ::2, ::2])

    found = fftconv.survey(Pyramid(), torch.randn(1, 1, 16, 16), methods=METHODS)
    assert [(row.name, row.calls, row.input_shape) for row in found.rows] == [
        ("conv", 2, (1, 1, 16, 16)),
        ("conv", 1, (1, 1, 8, 8)),
    ]
    assert found.best.keys() == {"conv"}


def test_one_direction_alone(network, x) -> None:
    forward = fftconv.survey(network.eval(), x, directions=("forward",), methods=METHODS)
    assert forward.model_backward_s == 0
    assert all(row.backward == {} and row.seconds == row.forward for row in forward.rows)
    backward = fftconv.survey(network, x, directions=("backward",), methods=METHODS)
    assert backward.model_forward_s == 0
    assert all(row.forward == {} and row.seconds == row.backward for row in backward.rows)


class Careless(nn.Module):
    """A model that changes what it can while it runs."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 2, 3)
        self.norm = nn.BatchNorm2d(2)
        self.dropout = nn.Dropout()
        self.register_buffer("steps", torch.zeros(()))
        self.count = 0

    def forward(self, x: Tensor) -> Tensor:
        self.count += 1
        self.last = x
        self.steps += 1
        return self.dropout(self.norm(self.conv(x))) * random.random() * np.random.rand()  # noqa: NPY002


def test_a_model_is_left_as_it_was() -> None:
    model = Careless()
    model.conv.eval()
    x = torch.randn(2, 2, 8, 8, requires_grad=True)
    model(x).sum().backward()
    fired: list[Tensor] = []
    for parameter in model.parameters():
        parameter.register_hook(fired.append)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    gradients = {n: (p, p.grad, p.grad.clone()) for n, p in model.named_parameters()}
    buffers, names = dict(model.named_buffers()), [list(vars(m)) for m in model.modules()]
    modes, count = [m.training for m in model.modules()], model.count
    of_x = x.grad.clone()
    states = torch.get_rng_state(), random.getstate(), np.random.get_state()  # noqa: NPY002

    fftconv.survey(model, x, methods=METHODS)

    assert torch.equal(torch.get_rng_state(), states[0])
    assert random.getstate() == states[1]
    np.testing.assert_equal(np.random.get_state(), states[2])  # noqa: NPY002
    assert [m.training for m in model.modules()] == modes
    assert [list(vars(m)) for m in model.modules()] == names
    assert model.count == count
    torch.testing.assert_close(dict(model.state_dict()), before, rtol=0, atol=0)
    assert all(buffer is buffers[name] for name, buffer in model.named_buffers())
    for name, parameter in model.named_parameters():
        same, grad, values = gradients[name]
        assert parameter is same
        assert parameter.grad is grad
        assert torch.equal(grad, values)
    assert torch.equal(x.grad, of_x)
    assert fired == []
    assert not any(m._forward_pre_hooks for m in model.modules())


def test_a_model_that_fails_is_left_as_it_was() -> None:
    model = nn.Sequential(nn.BatchNorm2d(2), nn.Conv2d(2, 2, 3), nn.Linear(3, 1))
    weight = model[1].weight
    with pytest.raises(
        ValueError, match=r"^the model refuses its inputs: RuntimeError: .+"
    ) as info:
        fftconv.survey(model, torch.randn(1, 2, 8, 8))
    assert isinstance(info.value.__cause__, RuntimeError)
    assert model[0].num_batches_tracked == 0
    assert model[1].weight is weight
    assert not model[1]._forward_pre_hooks


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        (nn.Linear(2, 2), {}, "the model calls no Conv2d with these inputs"),
        (nn.LazyConv2d(2, 1), {}, "the model has lazy layers: call it once before"),
        (nn.Conv2d(2, 2, 1), {"directions": ()}, r"directions must be of forward, backward, got"),
        (nn.Conv2d(2, 2, 1), {"directions": ("up",)}, "directions must be of forward, backward"),
        (nn.Conv2d(2, 2, 1), {"methods": ["magic"]}, "got 'magic'"),
        (nn.Conv2d(2, 2, 1).requires_grad_(False), {}, "nothing in the model has a gradient"),
    ],
)
def test_what_cannot_be_surveyed_is_said_in_a_line(model, options, message) -> None:
    with pytest.raises(ValueError, match=message):
        fftconv.survey(model, torch.randn(2, 2, 2), **options)


def test_what_is_no_model_is_a_type_error_and_what_is_nowhere_cannot_be_surveyed() -> None:
    with pytest.raises(TypeError, match=r"model must be a torch\.nn\.Module, got int"):
        fftconv.survey(3, torch.ones(1))
    nowhere = torch.ones(1, 2, 4, 4, device="meta")
    with pytest.raises(ValueError, match="meta device"):
        fftconv.survey(nn.Conv2d(2, 2, 1, device="meta"), nowhere)


def test_children_and_hooks_that_a_run_makes_are_gone_after_it() -> None:
    class Grows(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.more = nn.Conv2d(2, 2, 1), None

        def forward(self, x: Tensor) -> Tensor:
            if self.more is None:
                self.more = nn.Conv2d(2, 3, 1)
            self.register_forward_hook(lambda *_: None)
            return self.more(self.conv(x))

    model = Grows()
    fftconv.survey(model, torch.ones(1, 2, 4, 4), methods=["native"])
    assert model.more is None
    assert list(model.state_dict()) == ["conv.weight", "conv.bias"]
    assert not model._forward_hooks


@pytest.mark.filterwarnings("ignore:`torch.jit")
def test_scripted_and_traced_parts_are_run_and_left_alone() -> None:
    x = torch.randn(1, 2, 4, 4)
    norm = torch.jit.script(nn.BatchNorm2d(2))
    model = nn.Sequential(nn.Conv2d(2, 2, 1), torch.jit.trace(nn.ReLU(), x), norm)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    assert [row.name for row in fftconv.survey(model, x, methods=["native"]).rows] == ["0"]
    torch.testing.assert_close(model.state_dict(), before)


def test_a_model_of_inference_tensors_is_surveyed() -> None:
    with torch.inference_mode():
        model = nn.Conv2d(2, 2, 1)
    found = fftconv.survey(model, torch.ones(1, 2, 4, 4), directions=["forward"], methods=[])
    assert list(found.rows[0].seconds) == ["native"], "none was named, and that is what it has"
    assert model.weight.is_inference()


def test_whole_numbers_are_surveyed() -> None:
    model = nn.Conv2d(2, 2, 1, bias=False)
    model.weight = nn.Parameter(torch.ones(2, 2, 1, 1, dtype=torch.int64), requires_grad=False)
    x = torch.ones(1, 2, 4, 4, dtype=torch.int64)
    found = fftconv.survey(model, x, directions=["forward"], methods=["native"])
    assert found.rows[0].dtype == "int64"


def test_methods_are_no_single_string() -> None:
    with pytest.raises(TypeError, match="methods must be a sequence of names, got 'fft'"):
        fftconv.survey(nn.Conv2d(1, 1, 1), torch.ones(1, 1, 1), methods="fft")


def test_a_named_method_that_cannot_do_a_layer_says_so() -> None:
    layer = nn.Conv2d(1, 1, 3, dtype=torch.complex64)
    x = torch.randn(1, 1, 8, 8, dtype=torch.complex64)
    with pytest.raises(NotImplementedError, match="method 'compiled' computes in"):
        fftconv.survey(layer, x, methods=["compiled"])
    (row,) = fftconv.survey(layer, x).rows
    assert set(row.seconds) == {"native", "matmul", "direct", "fft"}
    assert "method 'compiled' computes in" in row.left_out["compiled"]


def test_without_names_every_method_is_tried_and_a_slow_one_is_left_out(monkeypatch) -> None:
    layer = nn.Conv2d(2, 9, 3)
    (row,) = fftconv.survey(layer, torch.randn(1, 2, 8, 8)).rows
    assert set(row.seconds) == set(fftconv.methods()) - {"auto"}
    monkeypatch.setattr(contenders, "LIMIT_S", 0.0)
    monkeypatch.setattr(contenders, "LIMIT_RATIO", 0.0)
    found = fftconv.survey(layer, torch.randn(1, 2, 8, 8))
    assert set(found.rows[0].seconds) == {"native", "matmul", "compiled", "overlap_save"}
    assert found.rows[0].left_out.keys() == {"direct", "fft"}
    assert "not fft in the model: a call would take about" in str(found)
    named = fftconv.survey(layer, torch.randn(1, 2, 8, 8), methods=["fft"])
    assert set(named.rows[0].seconds) == {"native", "fft"}


def test_what_a_layer_has_now_is_measured_in_any_case() -> None:
    model = nn.Sequential(fftconv.Conv2d(1, 1, 3, method="direct"), nn.Conv2d(1, 1, 3))
    found = fftconv.survey(model, torch.randn(1, 1, 9, 9), methods=["fft"])
    assert [row.now for row in found.rows] == ["direct", "native"]
    assert all(set(row.seconds) == {"direct", "native", "fft"} for row in found.rows)


def test_auto_may_be_measured_beside_the_others() -> None:
    found = fftconv.survey(nn.Conv2d(1, 1, 3), torch.randn(1, 9, 9), methods=["auto"])
    assert set(found.rows[0].seconds) == {"native", "auto"}


@pytest.mark.filterwarnings(
    "ignore:`torch.jit.script` is deprecated", "ignore:`torch.jit.script_method` is deprecated"
)
def test_a_compiled_model_is_surveyed_by_its_own_names(network, x) -> None:
    compiled = torch.compile(network.eval(), backend="eager")
    found = fftconv.survey(compiled, x, directions=("forward",), methods=METHODS)
    assert found.best.keys() == {"first", "shared", "normed", "same", "head.0"}
    fftconv.convert(compiled, found)
    assert network.first.method == found.best["first"]


def test_autocast_of_the_caller_holds() -> None:
    with torch.autocast("cpu", torch.bfloat16):
        found = fftconv.survey(nn.Conv2d(1, 1, 3), torch.randn(1, 1, 9, 9), methods=METHODS)
    assert set(found.rows[0].seconds) == set(METHODS)


def test_modes_of_the_caller_do_not_matter() -> None:
    layer = nn.Conv2d(1, 1, 3)
    with torch.inference_mode():
        found = fftconv.survey(layer, torch.randn(1, 1, 9, 9), methods=METHODS)
    assert found.model_backward_s > 0


def test_each_call_that_is_timed_finds_the_caches_full_of_the_rest_of_the_model(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.undo()
    done: list[str] = []
    sides = {name: (lambda name=name: done.append(name)) for name in ("a", "b")}
    timing.side_by_side(sides, torch.device("cpu"), lambda: done.append("rest"))
    assert done[:2] == ["a", "b"]  # how long do they take?
    timed = done[2:]
    assert len(timed) == 2 * 2 * timing.AFTER
    assert timed[::2] == ["rest"] * (2 * timing.AFTER)


@pytest.mark.parametrize(("layers", "weights"), [(1, 0), (3, 2), (40, 39)])
def test_the_rest_is_what_other_layers_have(
    monkeypatch: pytest.MonkeyPatch, layers: int, weights: int
) -> None:
    monkeypatch.setattr(caches, "MOST_BYTES", 1 << 20)
    model = nn.Sequential(*(nn.Conv2d(16, 16, 5, padding=2, bias=False) for _ in range(layers)))
    x = torch.randn(1, 16, 4, 4)
    calls = watching.watch(model, (x,))
    read = []
    monkeypatch.setattr(Tensor, "sum", lambda self, **_: read.append(self.nbytes))
    touch = caches.Rest(model, calls).touch(calls[0], x)
    if layers == 1:
        assert touch is None
        return
    touch()
    other = weights * (calls[0].weight.nbytes + 2 * x.nbytes)
    assert read == [min(other, 1 << 20), x.nbytes]
