import json
import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import fftconv
from fftconv import _case
from fftconv.__main__ import main
from fftconv.auto import halves, measure
from fftconv.auto import plan as planner
from fftconv.calibration import machine
from fftconv.calibration.constants import check
from fftconv.calibration.machine import FILE_VARIABLE
from fftconv.geometry import Geometry
from fftconv.machine_code.team import TEAM
from fftconv.methods import timing
from fftconv.methods.compiled import rates as compiled
from fftconv.methods.method import Method
from fftconv.methods.native import rates as native
from fftconv.methods.native.method import Native
from fftconv.methods.overlap_save import rates as overlap_save
from fftconv.methods.overlap_save.many_channels import rates as many_channels
from fftconv.methods.registry import REGISTRY, put, unregister
from fftconv.methods.wrappers import Cast, Mixed


@pytest.fixture
def calibration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a calibration file that fftconv is told to use, not written yet."""
    path = tmp_path / "folder" / "calibration.json"
    monkeypatch.setenv(FILE_VARIABLE, str(path))
    return path


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


def test_file_is_used(calibration: Path) -> None:
    ours = machine.defaults()
    slow = {**json.loads(machine.msgspec.json.encode(ours)), "compiled_call": 10.0}
    slow["processor"] = machine.processor()
    calibration.parent.mkdir()
    calibration.write_text(json.dumps(slow))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert fftconv.plan((1, 1, 256, 256), (1, 1, 5, 5)).method != "compiled"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "Input data was truncated"),
        ("[]", "Expected `object`"),
        ('{"schema": 1}', "missing required field"),
        (None, "there is no such file"),
    ],
)
def test_broken_file_is_one_line(calibration: Path, text: str | None, reason: str) -> None:
    calibration.parent.mkdir()
    if text is not None:
        calibration.write_text(text)
    with pytest.warns(UserWarning, match=reason) as caught:
        assert fftconv.plan((1, 1, 512, 512), (1, 1, 5, 5)).method == "compiled"
    assert len(caught) == 1
    assert "\n" not in str(caught[0].message)
    assert str(calibration) in str(caught[0].message)


@pytest.mark.parametrize("what", ["pipe", "folder", "/dev/zero", "link"])
def test_what_is_no_file_is_one_line_and_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    path = Path("/dev/zero") if what == "/dev/zero" else tmp_path / what
    if what == "pipe":
        os.mkfifo(path)
    elif what == "folder":
        path.mkdir()
    elif what == "link":
        path.symlink_to("/dev/zero")
    monkeypatch.setenv(FILE_VARIABLE, str(path))
    monkeypatch.setattr(Path, "read_bytes", lambda _: pytest.fail("read"))
    with pytest.raises(ValueError, match="it is no file, but a folder, a pipe or a device"):
        machine.read(path)
    monkeypatch.undo()
    monkeypatch.setenv(FILE_VARIABLE, str(path))
    with pytest.warns(UserWarning, match="it is no file") as caught:
        assert fftconv.plan((1, 1, 512, 512), (1, 1, 5, 5)).method == "compiled"
    assert len(caught) == 1
    assert "\n" not in str(caught[0].message)


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [("processor", "Z80, SCALAR", "measured on 'Z80, SCALAR'"), ("schema", 99, "version 99")],
)
def test_foreign_file_is_one_line(
    calibration: Path, field: str, value: object, reason: str
) -> None:
    data = json.loads(machine.msgspec.json.encode(machine.defaults()))
    data["processor"] = machine.processor()
    calibration.parent.mkdir()
    calibration.write_text(json.dumps({**data, field: value}))
    with pytest.warns(UserWarning, match=reason) as caught:
        fftconv.plan((1, 1, 512, 512), (1, 1, 5, 5))
    assert len(caught) == 1


def _rates(data: dict[str, Any]) -> dict[str, Any]:
    rate: dict[str, Any] = data["float32"]["native"][0]
    return rate


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda data: data["float32"].update(tiles=[]), "sides of float32's tiles"),
        (lambda data: data["float64"].update(native=[]), "float64 has no rates"),
        (lambda data: _rates(data).update(sides=[]), "sides of float32's native"),
        (lambda data: _rates(data).update(sides=[0] * 10), "sides of float32's native"),
        (lambda data: _rates(data).update(forward=[1e-9]), "no figure for each side"),
        (lambda data: data.update(fft_call=-1), "the number -1"),
    ],
)
def test_a_file_with_impossible_numbers_is_one_line(
    calibration: Path, spoil: Any, reason: str
) -> None:
    data = json.loads(machine.msgspec.json.encode(machine.defaults()))
    data["processor"] = machine.processor()
    spoil(data)
    calibration.parent.mkdir()
    calibration.write_text(json.dumps(data))
    with pytest.warns(UserWarning, match=reason) as caught:
        assert fftconv.plan((1, 1, 512, 512), (1, 1, 31, 31)).method == "overlap_save"
    assert len(caught) == 1


def test_all_that_ships_has_possible_numbers() -> None:
    folder = Path(machine.__file__).parent / "shipped"
    shipped = sorted(folder.glob("*.json"))
    assert {path.name for path in shipped} == set(machine.SHIPPED.values())
    for path in shipped:
        check(machine.msgspec.json.decode(path.read_bytes(), type=machine.Machine))


@pytest.mark.parametrize(
    ("vectors", "name", "like"),
    [
        ("AVX2", "AMD EPYC 7763", "AMD EPYC, AVX2"),
        ("AVX2", "Intel(R) Core(TM) i5", "AMD EPYC, AVX2"),
        ("AVX512", "AMD Ryzen 9 7950X", "AMD EPYC, AVX512"),
        ("AVX512", "AMD64 Family 25 Model 17 Stepping 1, AuthenticAMD", "AMD EPYC, AVX512"),
        ("AVX512", "Intel64 Family 6 Model 143, GenuineIntel", "Intel(R) Xeon"),
        ("AVX512", "AMD64", "Intel(R) Xeon"),
        ("DEFAULT", "aarch64", "AMD EPYC, AVX2"),
        ("NO AVX", "", "AMD EPYC, AVX2"),
    ],
)
def test_what_ships_is_chosen_by_the_vectors_and_the_vendor(
    monkeypatch: pytest.MonkeyPatch, vectors: str, name: str, like: str
) -> None:
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: vectors)
    monkeypatch.setattr(machine, "processor", lambda: f"{name}, {vectors}")
    found = machine.defaults()
    assert found.processor.startswith(like)
    assert found.schema == machine.SCHEMA


def test_no_file_is_no_news(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(FILE_VARIABLE, raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert machine.calibration_file() == tmp_path / "fftconv" / "calibration.json"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert machine.current() == machine.defaults()


@pytest.mark.parametrize("data", [None, "given"])
def test_nobody_needs_a_home(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, data: str | None
) -> None:
    def unknown() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", unknown)
    monkeypatch.setenv(FILE_VARIABLE, "")  # as if it were not there
    if data is None:
        monkeypatch.delenv("XDG_DATA_HOME", raising=False)
        assert not machine.calibration_file().exists()
    else:
        monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
        assert machine.calibration_file().is_relative_to(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert machine.current() == machine.defaults()


def test_calibrate_writes_what_is_then_read(
    calibration: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The whole command, with few and small cases and one sample each."""
    few = {torch.float32: ((1, 1, 1), (4, 4, 1)), torch.float64: ((1, 1, 1),)}
    monkeypatch.setattr(native, "CHANNELS", few)
    monkeypatch.setattr(native, "SIDES", dict.fromkeys(few, (1, 3, 5)))
    monkeypatch.setattr(compiled, "PLANES", ((128, 7, 1, 0), (96, 9, 1, 0)))
    monkeypatch.setattr(compiled, "MIXED", ((1, 2, 2, 8, 3),))
    monkeypatch.setattr(overlap_save, "TILES", (32, 64))
    monkeypatch.setattr(many_channels, "LENGTHS", (8,))
    monkeypatch.setattr(timing, "SAMPLE_S", 0.0)
    assert main(["calibrate"]) == 0
    assert f"written to {calibration}" in capsys.readouterr().err.replace("\n", "")
    assert [path.name for path in calibration.parent.iterdir()] == ["calibration.json"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert machine.current() == machine.read(calibration)
    assert machine.current() != machine.defaults()
    assert fftconv.plan((1, 1, 64, 64), (1, 1, 3, 3)).seconds


def test_a_failed_save_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "calibration.json"
    machine.save(machine.defaults(), path)
    before = path.read_bytes()

    def full(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        machine.save(machine.defaults(), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_calibrate_without_a_place_to_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    measured = []
    monkeypatch.setattr(measure, "measure", lambda: measured.append(1) or iter([]))
    for place in (tmp_path / "file" / "calibration.json", tmp_path):
        assert main(["calibrate", "--output", str(place)]) == 2
        (line,) = capsys.readouterr().err.strip().splitlines()
        assert line.startswith(f"cannot write {place}: ")
    assert not measured, "minutes of measuring for nothing"


def test_a_calibration_that_is_interrupted_is_one_line(
    calibration: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rests = []

    def interrupted() -> Any:
        rests.append(TEAM.longest_rest_ns)
        raise KeyboardInterrupt

    monkeypatch.setattr(measure, "measure", interrupted)
    before_ns = 7_000_000  # whatever tests before this one have set
    monkeypatch.setattr(TEAM, "longest_rest_ns", before_ns)
    assert main(["calibrate"]) == 130
    assert rests == [0], "all threads are asked for while it measures"
    assert TEAM.longest_rest_ns == before_ns
    assert capsys.readouterr().err.strip().endswith("interrupted: nothing was written")
    assert not calibration.exists()


def test_a_name_in_brackets_is_a_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(measure, "measure", lambda: iter([(1.0, "done", machine.defaults())]))
    path = tmp_path / "w[red]x[" / "[bold].json"
    assert main(["calibrate", "--output", str(path)]) == 0
    assert f"written to {path}" in capsys.readouterr().err


def test_a_calibration_goes_through_a_link_and_into_a_pipe(tmp_path) -> None:
    target, link, pipe = (tmp_path / name for name in ("target.json", "link.json", "pipe"))
    target.write_text("old")
    link.symlink_to(target.name)
    machine.save(machine.defaults(), link)
    assert link.is_symlink()
    assert target.read_text().startswith("{")
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        machine.save(machine.defaults(), pipe)
        assert pipe.is_fifo()
        assert os.read(reader, 1) == b"{"
    finally:
        os.close(reader)


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
