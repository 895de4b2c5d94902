"""The same cells under pyperf, as a user runs them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pyperf
import pytest

from benchmarks.turns import PATIENCE_VARIABLE

ROOT = Path(__file__).parents[2]


def run(
    *arguments: str, patience: str = "0", **environment: str
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=ROOT,
        env={**os.environ, PATIENCE_VARIABLE: patience, **environment},  # 0: however busy
        capture_output=True,
        text=True,
        check=False,
    )


def test_cells_are_measured_and_pyperf_reads_the_file(tmp_path) -> None:
    files = [tmp_path / "a.json", tmp_path / "b.json"]
    done = run(
        *("benchmarks.conv2d", "--cells", "^forward-(fft-64-3|direct-1024-63)-float32$"),
        *("-p2", "-n1", "-w0", "--min-time=0.001", "-o", str(files[0])),
    )
    assert done.returncode == 0, done.stderr
    assert "forward-direct-1024-63-float32: direct forward in float32" in done.stderr
    shutil.copy(*files)
    suite = pyperf.BenchmarkSuite.load(str(files[0]))
    assert suite.get_benchmark_names() == ["forward-fft-64-3-float32"]
    metadata = suite.get_benchmark("forward-fft-64-3-float32").get_metadata()
    assert metadata["threads"] >= 1
    assert metadata["torch_version"]
    for command in (["stats", str(files[0])], ["hist", str(files[0])]):
        assert run("pyperf", *command).returncode == 0
    compared = run("pyperf", "compare_to", *map(str, files))
    assert compared.returncode == 0, compared.stderr


def test_workers_measure_under_the_users_settings_and_the_file_says_which(tmp_path) -> None:
    file, calibration = tmp_path / "a.json", tmp_path / "machine.json"
    done = run(
        *("benchmarks.spectrum", "--cells", "^forward-true-64-float32$"),
        *("-p1", "-n1", "-w0", "--min-time=0.001", "-o", str(file)),
        NUMBA_CACHE_DIR=str(tmp_path / "cache"),
        NUMBA_OPT="2",
        FFTCONV_CALIBRATION=str(calibration),
    )
    assert done.returncode == 0, done.stderr
    # pyperf writes what the worker's process found in its own environment.
    benchmark = pyperf.BenchmarkSuite.load(str(file)).get_benchmark("forward-true-64-float32")
    settings = benchmark.get_metadata()["settings"].split()
    assert {"NUMBA_OPT=2", f"FFTCONV_CALIBRATION={calibration}"} <= set(settings)
    assert not any(setting.startswith("NUMBA_CACHE_DIR") for setting in settings)


@pytest.mark.slow
def test_workers_get_every_variable_whoever_reads_it(tmp_path) -> None:
    # Python itself reads it at each start: with it, pyperf notes another hash seed than by lot.
    file = tmp_path / "a.json"
    done = run(
        *("benchmarks.spectrum", "--cells", "^forward-true-64-float32$"),
        *("-p1", "-n1", "-w0", "--min-time=0.001", "-o", str(file)),
        PYTHONHASHSEED="17",
        OMP_NUM_THREADS="1",
    )
    assert done.returncode == 0, done.stderr
    metadata = pyperf.BenchmarkSuite.load(str(file)).get_benchmarks()[0].get_metadata()
    assert metadata["python_hash_seed"] == 17
    assert metadata["threads"] == 1


@pytest.mark.slow
def test_a_cell_that_finds_no_quiet_moments_ends_with_one_line() -> None:
    # So short a patience is over before any sample is taken.
    done = run(
        "benchmarks.spectrum", "--cells", "^forward-true-64-float32$", "-p1", patience="1e-9"
    )
    assert done.returncode == 1
    assert "forward-true-64-float32: disturbed: " in done.stderr
    assert "Traceback" not in done.stderr


def test_names_can_be_listed() -> None:
    names = run("benchmarks.spectrum", "--list-cells").stdout.split()
    assert len(names) == len(set(names)) == 40
    assert "forward-wrong-64-float32" in names


@pytest.mark.parametrize(
    ("cells", "message"),
    [("(", "'(' is no regular expression"), ("nothing", "no cell matches 'nothing'")],
)
def test_misuse_ends_with_2_and_one_line(cells, message) -> None:
    done = run("benchmarks.spectrum", "--cells", cells)
    assert done.returncode == 2
    assert message in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
