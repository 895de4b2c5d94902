"""Counting instructions: by valgrind where it is there, and a sentence where it is not."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import callgrind, instructions
from benchmarks.callgrind import CountError
from benchmarks.instructions import CELLS, Cell, Instructions

ROOT = Path(__file__).parents[2]
REASON = callgrind.unavailable()
needs_valgrind = pytest.mark.skipif(REASON is not None, reason=str(REASON))

# Pure Python, so that valgrind need not load torch: the longer call is ten times the shorter.
_COUNTED = """
import sys
sys.path.insert(0, {root!r})
from benchmarks.callgrind import count_calls

def call(n):
    return lambda: sum(i * i for i in range(n))

count_calls([call(1000), call(10000)])
"""


@needs_valgrind
def test_counts_repeat_and_follow_the_work(tmp_path) -> None:
    command = [sys.executable, "-c", _COUNTED.format(root=str(ROOT))]
    environment = {"PATH": "/usr/bin:/bin", "PYTHONHASHSEED": "0"}
    # What Python compiles at the first import lies elsewhere in memory than what it reads later.
    subprocess.run(command, env=environment, check=True)
    counted = []
    for name in ("one", "two"):  # as long as each other: a path's length moves memory
        (tmp_path / name).mkdir()
        counted.append(callgrind.instructions(command, 2, tmp_path / name, environment))
    (short, long), again = counted
    assert short > 1000 * 10  # a Python instruction is many of the processor's
    assert long / short == pytest.approx(10, rel=0.05)
    assert again == pytest.approx([short, long], rel=0.005)


@needs_valgrind
def test_a_command_that_fails_is_said_in_one_line(tmp_path) -> None:
    command = [sys.executable, "-c", "raise SystemExit('no luck')"]
    with pytest.raises(CountError, match=r"valgrind ended with status 1: .*no luck") as raised:
        callgrind.instructions(command, 1, tmp_path, {"PATH": "/usr/bin:/bin"})
    assert "\n" not in str(raised.value)


def test_outside_of_valgrind_counting_makes_no_call() -> None:
    if REASON is not None and "x86-64" in REASON:
        pytest.skip(REASON)
    callgrind.count_calls([lambda: pytest.fail("was called")])


def test_without_valgrind_it_is_said_and_the_cells_are_skipped(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(callgrind.platform, "system", lambda: "Linux")
    monkeypatch.setattr(callgrind.platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(callgrind.shutil, "which", lambda name: None)
    suite = Instructions()
    counts = suite.setup_cache()
    assert counts == {}
    with pytest.raises(NotImplementedError, match="valgrind is not installed"):
        suite.setup(counts, "forward", "native", "64/3")
    with pytest.raises(CountError, match="valgrind is not installed"):
        callgrind.instructions(["true"], 1, tmp_path, {})


def test_a_method_that_the_commit_lacks_is_skipped_by_a_sentence(monkeypatch) -> None:
    monkeypatch.setattr(callgrind, "unavailable", lambda: None)
    suite, counts = Instructions(), {Cell("native", 64, 3, "forward"): 100}
    suite.setup(counts, "forward", "native", "64/3")
    assert suite.track_instructions(counts, "forward", "native", "64/3") == 100
    with pytest.raises(NotImplementedError, match="no method compiled"):
        suite.setup(counts, "forward", "compiled", "64/3")


def test_every_cell_of_the_benchmark_is_counted() -> None:
    directions, methods, sizes = Instructions.params
    named = {Instructions._cell(d, m, s) for d in directions for m in methods for s in sizes}
    assert named == set(CELLS)


def test_the_worker_makes_the_calls_of_the_folder_that_it_was_given(monkeypatch, tmp_path) -> None:
    # Valgrind is left out: what it would run is run as it is, and must be this fftconv.
    def counted(command, number, folder, environment) -> list[int]:
        callgrind.run(command, folder, environment)
        return [100 + index for index in range(number)]

    monkeypatch.setattr(callgrind, "instructions", counted)
    cells = [Cell("abacus", 64, 3, "forward"), Cell("native", 64, 3, "backward")]
    assert instructions.count(ROOT, cells) == {cells[1]: 100}
    elsewhere = re.escape(str(tmp_path))
    with pytest.raises(CountError, match=f"fftconv was imported from .*, not from {elsewhere}"):
        instructions.count(tmp_path, cells)
