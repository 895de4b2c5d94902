import sys
from collections.abc import Callable

import pytest
import torch

import fftconv
from fftconv import _case
from fftconv.auto import halves
from fftconv.auto import plan as planner
from fftconv.geometry import Geometry
from fftconv.methods.method import Method
from fftconv.methods.native.method import Native
from fftconv.methods.registry import REGISTRY, put, unregister
from fftconv.methods.wrappers import Cast, Mixed


@pytest.mark.usefixtures("kind")
def test_obvious_choices() -> None:
    assert fftconv.plan((1, 1, 512, 512), (1, 1, 5, 5)).method == "compiled"
    assert fftconv.plan((1, 1, 2048, 2048), (1, 1, 63, 63)).method == "overlap_save"
    assert fftconv.plan((8, 64, 56, 56), (64, 64, 1, 1)).method == "native"
    assert fftconv.plan((8, 64, 56, 56), (64, 64, 5, 5), padding=2).method == "overlap_save"
    assert fftconv.plan((32, 3, 224, 224), (3, 1, 3, 3), padding=1, groups=3).method == "compiled"


def test_plan_reads_well() -> None:
    plan = fftconv.plan((1, 1, 512, 512), (1, 1, 63, 63), needs_grad=True)
    lines = str(plan).splitlines()
    assert lines[0].startswith("input (1, 1, 512, 512), weight (1, 1, 63, 63), torch.float32, cpu")
    assert [line.split()[0] for line in lines[1:4]] == ["forward", "grad_input", "grad_weight"]
    assert all(">overlap_save" in line for line in lines[1:4])
    height, width = plan.tile
    assert lines[4] == f"overlap_save transforms tiles of {height} x {width} by {plan.transforms}"
    assert plan.transforms in ("MKL", "generated code", "torch.fft")
    assert set(plan.seconds["forward"]) == {"native", "matmul", "compiled", "overlap_save"}
    assert all(0 < s < 10 for of in plan.seconds.values() for s in of.values())


def test_a_seen_case_is_not_planned_again() -> None:
    assert fftconv.plan((1, 1, 64, 64), (1, 1, 3, 3)) is fftconv.plan((1, 1, 64, 64), (1, 1, 3, 3))


def test_what_only_native_can_do() -> None:
    shapes = (1, 1, 64, 64), (1, 1, 5, 5)
    plan = fftconv.plan(*shapes, dtype=torch.complex64)
    assert plan.method == "native"
    assert "not compiled: method 'compiled' computes in" in str(plan)
    assert fftconv.plan(*shapes, device="cuda").method == "native"
    assert fftconv.plan((0, 1, 64, 64), (1, 1, 5, 5)).method == "native"


HALVES = pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)


@HALVES
@pytest.mark.parametrize("instructions", [False, True])
@pytest.mark.parametrize(("size", "side"), [(512, 5), (512, 31), (256, 15)])
def test_halves_of_one_channel_are_planned_as_float32_is(
    dtype: torch.dtype, instructions: bool, size: int, side: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(halves, "multiplies_in", lambda dtype: instructions)
    geometry = Geometry.of((1, 1, size, size), (1, 1, side, side))
    for needs_grad in (False, True):
        plan = planner.decide(geometry, dtype, torch.device("cpu"), needs_grad)
        assert plan.excluded == {}
        assert plan.chosen == decided(geometry, needs_grad).chosen
        assert set(plan.seconds["forward"]) == {"native", "matmul", "compiled", "overlap_save"}


@HALVES
def test_halves_of_many_channels_are_torchs_where_it_has_instructions_for_them(
    dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    geometry, cpu = Geometry.of((8, 64, 28, 28), (64, 64, 1, 1)), torch.device("cpu")
    methods = []
    for instructions in (True, False):
        monkeypatch.setattr(halves, "multiplies_in", lambda dtype, said=instructions: said)
        methods.append(planner.decide(geometry, dtype, cpu, False).method)
    assert methods[0] == "native"
    assert methods[1] != "native"


@HALVES
@pytest.mark.parametrize("cast", [False, True])
def test_halves_run_as_they_are_planned(dtype: torch.dtype, cast: bool) -> None:
    given = [torch.randn(shape) for shape in ((1, 1, 151, 153), (1, 1, 13, 11))]
    x, w = (t if cast else t.to(dtype) for t in given)
    with torch.autocast("cpu", dtype, enabled=cast):
        y = fftconv.conv2d(x, w)
        case = _case.find(*(t.to(dtype) for t in given), None, 1, 0, 1, 1, "auto")
    assert y.dtype == dtype
    assert isinstance(case.maps, Cast)
    exact = torch.nn.functional.conv2d(*(t.to(dtype).double() for t in given))
    assert (y.double() - exact).abs().max() <= torch.finfo(dtype).eps * exact.abs().max()


def test_without_numba(monkeypatch: pytest.MonkeyPatch) -> None:
    # By its module: the name fftconv.methods is the function of that name.
    monkeypatch.setattr(
        sys.modules["fftconv.methods.compiled.method"],
        "obstacle",
        lambda: "needs numba, which is not installed",
    )
    plan = decided(Geometry.of((1, 1, 512, 512), (1, 1, 5, 5)), needs_grad=False)
    assert plan.method != "compiled"
    assert plan.excluded["compiled"] == "method 'compiled' needs numba, which is not installed"


def test_bad_shapes_are_conv2ds_errors() -> None:
    with pytest.raises(RuntimeError, match="larger than the padded input"):
        fftconv.plan((1, 1, 4, 4), (1, 1, 5, 5))


def decided(geometry: Geometry, needs_grad: bool = True) -> fftconv.Plan:
    return planner.decide(geometry, torch.float32, torch.device("cpu"), needs_grad)


def prepared(chosen: dict[str, str], geometry: Geometry) -> Mixed:
    methods = {name: REGISTRY[name] for name in chosen.values()}
    double, cpu = torch.float64, torch.device("cpu")
    maps = {name: method.prepare(geometry, double, cpu) for name, method in methods.items()}
    return Mixed(*(maps[chosen[name]] for name in ("forward", "grad_input", "grad_weight")))


def test_each_map_by_its_own_method() -> None:
    geometry = Geometry.of((2, 2, 20, 20), (4, 2, 3, 3), padding=1)
    chosen = {"forward": "compiled", "grad_input": "native", "grad_weight": "overlap_save"}
    subject = prepared(chosen, geometry)
    x, w, g = (
        torch.randn(shape, dtype=torch.float64)
        for shape in (geometry.input_shape, geometry.weight_shape, geometry.output_shape)
    )
    torchs = REGISTRY["native"].prepare(geometry, x.dtype, x.device)
    assert not subject.keeps
    torch.testing.assert_close(subject.forward(x, w), torchs.forward(x, w))
    torch.testing.assert_close(subject.grads(g, x, w), torchs.grads(g, x, w))
    torch.testing.assert_close(subject.grad_input(g, w), torchs.grad_input(g, w))
    torch.testing.assert_close(subject.grad_weight(x, g), torchs.grad_weight(x, g))


def predicting(
    predict: Callable[[str, tuple[str, ...]], float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Let every method predict what a function of its name and the maps says."""

    def seconds(self: Method, names: tuple[str, ...], *_: object) -> float:
        return predict(self.name, names)

    for method in REGISTRY.values():
        monkeypatch.setattr(type(method), "seconds", seconds)


def test_the_cheapest_map_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    cheap = {"forward": "native", "grad_input": "compiled", "grad_weight": "native"}

    def predict(method: str, names: tuple[str, ...]) -> float:
        return sum(1.0 if cheap[name] == method else 2.0 for name in names)

    predicting(predict, monkeypatch)
    plan = decided(Geometry.of((1, 1, 33, 33), (1, 1, 3, 3)))
    assert plan.chosen == cheap
    assert plan.tile is None


class Ideal(Native):
    """Somebody's method, which promises much."""

    name = "ideal"

    def seconds(self, *_: object) -> float:
        return 1e-12


def test_a_method_that_is_registered_and_predicts_is_chosen_from() -> None:
    case = (1, 1, 64, 64), (1, 1, 5, 5)
    before = fftconv.plan(*case)
    put(Ideal())
    try:
        assert fftconv.plan(*case).method == "ideal"
        silent = Ideal()
        silent.predicts = False
        put(silent)
        assert fftconv.plan(*case).seconds.keys() == before.seconds.keys()
        assert fftconv.plan(*case).method == before.method
    finally:
        unregister("ideal")


def test_maps_that_share_spectra_win_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """One by one overlap_save loses every map; forward and grad_weight share the input's."""

    def predict(method: str, names: tuple[str, ...]) -> float:
        if method != "overlap_save":
            return 1.0 * len(names)
        return 1.5 if names == ("forward", "grad_weight") else 2.0 * len(names)

    predicting(predict, monkeypatch)
    geometry = Geometry.of((1, 1, 45, 45), (1, 1, 3, 3))
    plan = decided(geometry)
    assert plan.chosen["forward"] == plan.chosen["grad_weight"] == "overlap_save"
    assert plan.chosen["grad_input"] != "overlap_save"
    assert decided(geometry, needs_grad=False).method != "overlap_save"
    subject = prepared(plan.chosen, geometry)
    x, w, g = (
        torch.randn(shape, dtype=torch.float64)
        for shape in (geometry.input_shape, geometry.weight_shape, geometry.output_shape)
    )
    assert subject.keeps
    y, kept = subject.forward_kept(x, w, None)
    torchs = REGISTRY["native"].prepare(geometry, x.dtype, x.device)
    torch.testing.assert_close(y, torchs.forward(x, w))
    got = subject.grads(g, x * torch.nan, w, kept=kept)
    torch.testing.assert_close(got, torchs.grads(g, x, w))


@HALVES
def test_halves_keep_spectra_for_their_gradients_as_float32_does(dtype: torch.dtype) -> None:
    given = [torch.randn(shape, dtype=dtype) for shape in ((1, 1, 300, 300), (1, 1, 31, 31))]
    x, w = (t.requires_grad_() for t in given)
    y = fftconv.conv2d(x, w, method="overlap_save")
    case = _case.find(x, w, None, 1, 0, 1, 1, "overlap_save")
    assert case.maps.keeps
    exact = [t.detach().double().requires_grad_() for t in given]
    z = torch.nn.functional.conv2d(*exact)
    actual = torch.autograd.grad(y, (x, w), torch.ones_like(y))
    for a, b in zip(actual, torch.autograd.grad(z.sum(), exact), strict=True):
        assert (a.double() - b).abs().max() <= torch.finfo(dtype).eps * b.abs().max()


@pytest.mark.usefixtures("kind")
@pytest.mark.parametrize("threads", [1, 2, 4])
@pytest.mark.parametrize(
    ("shape", "weight", "padding"),
    [
        ((8, 64, 28, 28), (3, 64, 11, 11), 0),
        ((16, 3, 24, 24), (48, 3, 9, 9), 4),
        ((2, 128, 20, 20), (2, 128, 15, 15), 7),
    ],
)
def test_parts_of_a_gradient_take_no_case_its_tiles(
    shape: tuple[int, ...], weight: tuple[int, ...], padding: int, threads: int
) -> None:
    """Many channels on one side have many spectra, of which each part has its own."""
    torch.set_num_threads(threads)
    plan = fftconv.plan(shape, weight, padding=padding, needs_grad=True)
    for name, seconds in plan.seconds.items():
        assert seconds["overlap_save"] < float("inf"), name
