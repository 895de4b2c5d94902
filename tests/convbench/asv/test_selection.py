"""asv's runs say which cells they are of, before the first of them."""

import json
import os
import time
from pathlib import Path

import pytest
from asv.commands import run

from convbench.asv.selection import SELECTION, make_asv_sample_together
from convbench.suite.conditions import DEADLINE_VARIABLE, TOGETHER_VARIABLE

TIMES = {"type": "time", "params": [["'fft'", "'auto'"], ["3", "5"]]}
OTHERS = {"type": "peakmemory", "params": [["3"]]}


class Benchmarks(dict):
    """As asv's: by name, and what was chosen of each."""

    @property
    def benchmark_selection(self) -> dict[str, list[int]]:
        """Return the numbers of the chosen cells, where not all are."""
        return {"a.B.time_b": [3, 0]}


@pytest.fixture
def seen(monkeypatch) -> list[list[str] | None]:
    """Return what lies in each run's folder while it measures."""
    found: list[list[str] | None] = []

    def run_benchmarks(_benchmarks: object, *_args: object, **_options: object) -> str:
        file = Path(os.environ[TOGETHER_VARIABLE], SELECTION)
        found.append(json.loads(file.read_text()) if file.exists() else None)
        return "results"

    monkeypatch.setattr(run, "run_benchmarks", run_benchmarks)
    make_asv_sample_together()
    return found


def test_each_run_has_a_folder_with_its_own_cells_that_goes_with_it(seen) -> None:
    benchmarks = Benchmarks({"a.B.time_b": TIMES, "a.C.time_c": TIMES, "a.D.peakmem_d": OTHERS})
    assert run.run_benchmarks(benchmarks, "environment", quick=False) == "results"
    whole = [f"a.C.time_c-{number}" for number in (0, 2, 1, 3)]
    assert seen == [["a.B.time_b-0", "a.B.time_b-3", *whole]]
    assert TOGETHER_VARIABLE not in os.environ
    run.run_benchmarks(Benchmarks({"a.C.time_c": TIMES}), "environment")
    assert seen[1] == whole


def test_a_quick_run_is_of_single_cells_that_take_no_longer_than_they_must(
    monkeypatch,
) -> None:
    seen = []

    def run_benchmarks(*_: object, **__: object) -> None:
        selected = Path(os.environ[TOGETHER_VARIABLE], SELECTION).exists()
        seen.append((selected, float(os.environ[DEADLINE_VARIABLE]) < time.time()))

    monkeypatch.setenv(DEADLINE_VARIABLE, "1e12")
    monkeypatch.setattr(run, "run_benchmarks", run_benchmarks)
    make_asv_sample_together()
    run.run_benchmarks(Benchmarks({"a.C.time_c": TIMES}), "environment", quick=True)
    assert seen == [(False, True)]
    assert os.environ[DEADLINE_VARIABLE] == "1e12"


def test_who_profiles_a_cell_gets_that_cell_alone(seen) -> None:
    run.run_benchmarks(Benchmarks({"a.C.time_c": TIMES}), "environment", profile=True)
    assert seen == [None]


def test_what_fails_leaves_nothing(monkeypatch) -> None:
    folders = []

    def fails(*_: object) -> None:
        folders.append(Path(os.environ[TOGETHER_VARIABLE]))
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "run_benchmarks", fails)
    make_asv_sample_together()
    with pytest.raises(KeyboardInterrupt):
        run.run_benchmarks(Benchmarks({"a.C.time_c": TIMES}))
    assert TOGETHER_VARIABLE not in os.environ
    assert not folders[0].exists()
