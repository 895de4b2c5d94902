"""The commands over results, on the made-up repository."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest


def convbench(
    repository: Path, *arguments: str, columns: str | None = "200"
) -> "subprocess.CompletedProcess[str]":
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    return subprocess.run(
        [sys.executable, "-m", "convbench", *arguments],
        cwd=repository,
        capture_output=True,
        text=True,
        env=environment if columns is None else {**environment, "COLUMNS": columns},
    )


@pytest.mark.parametrize(
    ("columns", "line"),
    [
        (None, "│    64 │ fft = compiled │ fft = compiled"),
        ("40", "input 64, filter 3: fft = compiled "),
        ("20", "input 256, filter 3: compiled "),
    ],
)
def test_the_summary_is_not_cut_however_wide_what_it_is_printed_to(
    repository, columns, line
) -> None:
    done = convbench(repository, "summary", "--machine", "bench-machine", columns=columns)
    assert done.returncode == 0, done.stderr
    assert "…" not in done.stdout
    assert line in done.stdout
    assert done.stdout.count("fastest method, ") == 2


def test_a_wide_table_goes_whole_into_a_pipe(repository) -> None:
    done = convbench(repository, "crossover", columns=None)
    assert done.returncode == 0, done.stderr
    assert "…" not in done.stdout
    assert max(map(len, done.stdout.splitlines())) > 80


def test_crossover_as_csv(repository) -> None:
    done = convbench(repository, "crossover", "--format", "csv", "--direction", "forward")
    assert done.returncode == 0, done.stderr
    lines = list(csv.DictReader(done.stdout.splitlines()))
    assert len(lines) == 9 + 2  # the grid, and float64's diagonal
    won = {(x["input"], x["filter"]): x for x in lines if x["dtype"] == "float32"}
    assert won["256", "3"]["method"] == "compiled"
    assert won["256", "15"]["method"] == "fft"
    assert won["64", "7"]["decided"] == "False"
    assert float(won["128", "7"]["speedup_over_native"]) == pytest.approx(2)


def test_crossover_as_table(repository) -> None:
    done = convbench(repository, "crossover", "--direction", "forward", "--dtype", "float32")
    assert done.returncode == 0, done.stderr
    assert "fft = compiled" in " ".join(done.stdout.split())
    for word in ("bench-machine", "A processor", "commit", "threads 2", "torch 2.13.0"):
        assert word in done.stdout


def test_roofline_as_csv(repository) -> None:
    done = convbench(repository, "roofline", "--format", "csv", "--direction", "forward")
    assert done.returncode == 0, done.stderr
    lines = list(csv.DictReader(done.stdout.splitlines()))
    assert len(lines) == 4 * (9 + 2)
    for line in lines:
        if line["time_s"] not in ("", "nan"):
            fraction = float(line["limit_s"]) / float(line["time_s"])
            assert float(line["fraction"]) == pytest.approx(fraction)


def test_roofline_as_table(repository) -> None:
    done = convbench(repository, "roofline", "--direction", "forward", "--dtype", "float64")
    assert done.returncode == 0, done.stderr
    assert "fraction of the limit: conv2d, forward, float64" in done.stdout
    assert "limited by" in done.stdout
    assert "The limit of a cell is the larger of two times." in done.stdout


@pytest.mark.parametrize("command", ["crossover", "roofline"])
@pytest.mark.parametrize(("suffix", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml")])
def test_picture(repository, tmp_path, command, suffix, start) -> None:
    output = tmp_path / f"map.{suffix}"
    done = convbench(repository, command, "--format", suffix, "--output", str(output))
    assert done.returncode == 0, done.stderr
    assert output.read_bytes().startswith(start)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--machine", "nowhere"), "no results of machine 'nowhere'"),
        (("--commit", "fffffff"), "no results of commit 'fffffff'"),
        (("--dtype", "float16"), "nothing was measured with --dtype float16"),
    ],
)
def test_misuse_gets_one_line(repository, arguments, message) -> None:
    done = convbench(repository, "crossover", *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
