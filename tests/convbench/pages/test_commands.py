"""The commands over results, on the made-up repository."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest


def convbench(repository: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "convbench", *arguments],
        cwd=repository,
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "200"},
    )


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


@pytest.mark.parametrize(("suffix", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml")])
def test_crossover_as_picture(repository, tmp_path, suffix, start) -> None:
    output = tmp_path / f"map.{suffix}"
    done = convbench(repository, "crossover", "--format", suffix, "--output", str(output))
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
    assert done.returncode == 1
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
