"""What machines were measured at: the file, what ships, and the command that writes it."""

import json
import os
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch

import fftconv
from fftconv.__main__ import main
from fftconv.auto import measure
from fftconv.calibration import machine
from fftconv.calibration.constants import check
from fftconv.calibration.machine import FILE_VARIABLE
from fftconv.machine_code.team import TEAM
from fftconv.methods import timing
from fftconv.methods.compiled import rates as compiled
from fftconv.methods.native import rates as native
from fftconv.methods.overlap_save import rates as overlap_save
from fftconv.methods.overlap_save.many_channels import rates as many_channels


@pytest.fixture
def calibration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a calibration file that fftconv is told to use, not written yet."""
    path = tmp_path / "folder" / "calibration.json"
    monkeypatch.setenv(FILE_VARIABLE, str(path))
    return path


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
