"""``python -m convbench`` on the committed results: output, files, and errors of one line."""

import argparse
import importlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from convbench.__main__ import COMMANDS
from convbench.asv.command import AsvError, asv
from convbench.results.store import load_config, machines

ROOT = Path(__file__).parents[3]
MACHINE = "xeon-amx-2vcpu"


def convbench(*arguments: str, cwd: Path = ROOT) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "convbench", *arguments],
        cwd=cwd,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "COLUMNS": "100"},
        capture_output=True,
        text=True,
        check=False,
    )


_HELP = """
import sys
from convbench.__main__ import main
try:
    main()
finally:
    print(*sys.modules, file=sys.stderr)
"""


def test_the_help_loads_nothing_that_takes_long_to_load() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _HELP, "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not {"asv", "numpy", "scipy", "torch", "matplotlib"} & set(done.stderr.split())


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_registers_itself_in_the_same_way(name) -> None:
    module = importlib.import_module(name)
    parser = argparse.ArgumentParser()
    module.add_parser(parser.add_subparsers(dest="command"))
    (command,) = parser._subparsers._group_actions[0].choices.values()
    assert command.get_default("run") is module.run
    assert module.run.__doc__


def test_the_summary_of_the_committed_results() -> None:
    assert MACHINE in machines(load_config())
    done = convbench("summary", "--machine", MACHINE)
    assert done.returncode == 0, done.stderr
    assert "fastest method, forward" in done.stdout
    assert "fastest method, backward" in done.stdout
    for size in (64, 128, 256, 512, 1024):
        assert f" {size} " in done.stdout


@pytest.mark.parametrize("suffix", ["svg", "png"])
def test_a_chart_is_the_same_file_each_time(tmp_path, suffix) -> None:
    files = [tmp_path / f"{name}.{suffix}" for name in "ab"]
    for file in files:
        done = convbench("chart", "--machine", MACHINE, "--output", str(file))
        assert done.returncode == 0, done.stderr
    assert files[0].read_bytes() == files[1].read_bytes()
    if suffix == "svg":
        text = files[0].read_text()
        assert all(f">{method}</text>" in text for method in ("direct", "fft", "native"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["summary", "--machine", "abacus"], "no results of machine 'abacus' in results/ (has:"),
        (["summary", "--machine", MACHINE, "--commit", "zz"], "no results of commit 'zz' (has:"),
        (["crossover", "--machine", MACHINE, "--layout", ""], "measured with --layout  (has:"),
        (["confirm", "--machine", "abacus"], "no results of machine 'abacus'"),
        (["confirm", "--bench", "no.such"], "--bench 'no.such' finds no cell of the suite"),
        (["confirm", "-E", "nope"], "asv has no environment of nope"),
        (["crossover", "--machine", MACHINE, "--output", "map.txt"], "file named .png, .svg, .csv"),
        (
            ["roofline", "--machine", MACHINE, "--format", "csv", "--output", "a.svg"],
            "--output a.svg is not named as --format csv",
        ),
        (["repeat", "--show", "/dev/null"], "--show /dev/null holds no run"),
        (
            ["chart", "--machine", MACHINE, "--input", "7", "--output", "x.svg"],
            "no input of size 7",
        ),
        (["chart", "--machine", MACHINE, "--output", "x.docx"], "cannot draw x.docx"),
        (["chart", "--machine", MACHINE, "--output", "x"], "cannot draw x: its name ends with no"),
    ],
)
def test_what_is_not_there_is_one_line_and_misuse(arguments, message) -> None:
    done = convbench(*arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["no-such-command"],
        ["chart"],
        ["chart", "--machine", MACHINE, "--direction", "up"],
        *(["summary", "--machine", name] for name in ("", ".", "..", "../results", "a\\b", "a\n")),
        *([name, "--machine", "../x"] for name in ("report", "backfill", "repeat", "confirm")),
    ],
)
def test_misuse_ends_with_2(arguments) -> None:
    done = convbench(*arguments)
    assert done.returncode == 2
    assert "usage: python -m convbench" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("chart", "--machine", MACHINE, "--output", "docs"),
        ("crossover", "--machine", MACHINE, "--format", "csv", "--output", "README.md/map.csv"),
        ("roofline", "--machine", MACHINE, "--format", "svg", "--output", "results"),
        ("power", "--show", "docs/power/zen4-2vcpu.jsonl", "--figure", "docs/power"),
        ("profile", *["--method", "fft", "--input", "64", "--filter", "3", "--out", "README.md"]),
        ("layer", "torch:relu", "--input", "4x4", "--output", "docs"),
        ("instructions", "HEAD", "--markdown", "docs"),
    ],
)
def test_an_output_that_cannot_be_written_is_misuse(arguments) -> None:
    done = convbench(*arguments)
    assert done.returncode == 2, done.stderr
    assert "cannot be written" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_map_is_what_its_name_ends_with(tmp_path) -> None:
    for suffix, begins in (("svg", b"<?xml"), ("csv", b"machine,")):
        path = tmp_path / f"map.{suffix}"
        done = convbench("crossover", "--machine", MACHINE, "--output", str(path))
        assert done.returncode == 0, done.stderr
        assert path.read_bytes().startswith(begins)


def test_a_closed_output_is_no_error() -> None:
    command = f'"{sys.executable}" -m convbench crossover --machine {MACHINE} --format csv >&-'
    done = subprocess.run(
        command, shell=True, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_study_is_not_replaced_by_its_picture(tmp_path) -> None:
    study = tmp_path / "study.svg"
    shutil.copy(ROOT / "docs" / "power" / "zen4-2vcpu.jsonl", study)
    done = convbench("power", "--show", str(study), "--figure", str(study))
    assert done.returncode == 2
    assert "which is read" in done.stderr
    assert study.read_text() == (ROOT / "docs" / "power" / "zen4-2vcpu.jsonl").read_text()


def test_a_map_goes_to_the_standard_output_by_its_name_too() -> None:
    arguments = ("crossover", "--machine", MACHINE, "--format", "csv")
    assert convbench(*arguments, "--output", "/dev/stdout").stdout == convbench(*arguments).stdout


def test_outside_of_a_clone_it_says_so(tmp_path) -> None:
    done = convbench("summary", "--machine", MACHINE, cwd=tmp_path)
    assert done.returncode == 1
    assert "asv.conf.json" in done.stderr
    assert "root of the clone" in done.stderr


def test_damaged_results_are_named_and_the_rest_is_read(tmp_path) -> None:
    shutil.copy(ROOT / "asv.conf.json", tmp_path)
    shutil.copytree(ROOT / "results", tmp_path / "results")
    damaged = next((tmp_path / "results" / MACHINE).glob("*virtualenv*.json"))
    damaged.write_text(damaged.read_text()[:100])
    done = convbench("summary", "--machine", MACHINE, cwd=tmp_path)
    assert done.returncode == 0
    assert damaged.name in done.stderr
    assert "fastest method, forward" in done.stdout


@pytest.mark.parametrize("content", ["null", "[1]", b"\xff\xfe", '{"version": 2}'])
def test_what_is_no_result_is_named_and_the_rest_is_read(tmp_path, content) -> None:
    shutil.copy(ROOT / "asv.conf.json", tmp_path)
    shutil.copytree(ROOT / "results", tmp_path / "results")
    damaged = tmp_path / "results" / MACHINE / "damaged.json"
    damaged.write_bytes(content if isinstance(content, bytes) else content.encode())
    done = convbench("summary", "--machine", MACHINE, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert damaged.name in done.stderr
    assert "fastest method, forward" in done.stdout


@pytest.mark.parametrize("name", ["gate", "power", "repeat", "confirm", "sweep"])
def test_a_folder_without_a_suite_gets_nothing_but_a_line(tmp_path, name) -> None:
    more = {"gate": ["HEAD~1"], "sweep": ["--local", "1"]}.get(name, [])
    done = convbench(name, *more, cwd=tmp_path)
    assert done.returncode == 2
    assert f"there is no asv.conf.json here, in {tmp_path}" in done.stderr
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_an_asv_command_that_is_misused_is_no_success(tmp_path, monkeypatch) -> None:
    # asv ends with 2 for misuse and for benchmarks that failed alike.
    monkeypatch.chdir(tmp_path)
    with pytest.raises(AsvError, match=r"asv run failed .*invalid literal"):
        asv("run", "-a", "repeat=[2, 8, 0.1]")


def test_an_asv_command_that_fails_says_what_asv_said(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(AsvError, match=r"asv show failed .*No `asv\.conf` file found"):
        asv("show")
