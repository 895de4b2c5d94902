"""The cells of a run are sampled together by the first of them, once."""

import json
import os
from itertools import product
from pathlib import Path

import pytest
from asv_runner.discovery import get_benchmark_from_name

from benchmarks import conv2d, sampler, together
from benchmarks.sampler import DisturbedError, Samples
from benchmarks.turns import PATIENCE_VARIABLE, TOGETHER_VARIABLE

ROOT = Path(__file__).parents[2]
CELL = "conv2d.Forward.time_forward"
_ALL = list(product(*conv2d.Forward.params))
NUMBERS = tuple(_ALL.index(("auto", "all", 64, taps)) for taps in (3, 7))


@pytest.fixture(autouse=True)
def run(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv(TOGETHER_VARIABLE, str(tmp_path))
    monkeypatch.setattr(sampler, "TURN_S", 0.001)
    monkeypatch.setattr(sampler, "_ROUND_S", 0.0)
    monkeypatch.setenv(PATIENCE_VARIABLE, "0")  # whether the machine is quiet is not what is tested
    return tmp_path


@pytest.fixture
def rounds(monkeypatch) -> list[int]:
    """How many cells were sampled together, each time."""
    found: list[int] = []
    sample = together.sample

    def noted(cells) -> None:
        found.append(len(cells))
        sample(cells)

    monkeypatch.setattr(together, "sample", noted)
    return found


def select(folder: Path, selection: dict[str, list[int]]) -> None:
    cells = [f"{name}-{number}" for name, numbers in selection.items() for number in numbers]
    (folder / together.SELECTION).write_text(json.dumps(cells))


def samples_of(number: int) -> list[float]:
    benchmark = get_benchmark_from_name(str(ROOT / "benchmarks"), f"{CELL}-{number}")
    assert not benchmark.do_setup()
    return list(benchmark.do_run()["samples"])


def test_the_first_cell_samples_all_of_them_and_the_next_ones_find_theirs(run, rounds) -> None:
    select(run, {CELL: list(NUMBERS)})
    first = samples_of(NUMBERS[0])
    kept = json.loads((run / "samples.json").read_text())
    assert len(kept) == 2
    assert sorted(first) in [found["seconds"] for found in kept.values()]
    assert sorted(samples_of(NUMBERS[1])) in [found["seconds"] for found in kept.values()]
    assert rounds == [2]


def test_another_round_of_asvs_has_samples_of_its_own(run, rounds) -> None:
    select(run, {CELL: list(NUMBERS)})
    first = [samples_of(number) for number in NUMBERS]
    second = [samples_of(number) for number in NUMBERS]
    assert rounds == [2, 2]
    assert all(before != after for before, after in zip(first, second, strict=True))


def test_cells_of_several_benchmarks_are_sampled_together_and_others_left_out(run, rounds) -> None:
    too_slow = _ALL.index(("direct", "all", 1024, 63))
    select(
        run,
        {
            CELL: [NUMBERS[0], too_slow],
            "conv2d.Backward.time_backward": [NUMBERS[0]],
            "package.Import.timeraw_import": [0],
            "no.Such.time_cell": [0],
        },
    )
    samples_of(NUMBERS[0])
    assert rounds == [2]


def test_a_run_whose_sampling_was_killed_goes_on_cell_by_cell(run, rounds) -> None:
    select(run, {CELL: list(NUMBERS)})
    (run / "left.json").write_text("[]")  # and there are no samples
    assert len(samples_of(NUMBERS[0])) >= 3
    assert len(samples_of(NUMBERS[1])) >= 3
    assert rounds == [1, 1]


@pytest.mark.parametrize(("limit", "least"), [("_MOST_BYTES", 1), ("_MOST_S", 1e-9)])
def test_what_does_not_fit_into_a_part_is_the_next_ones(
    run, rounds, monkeypatch, limit, least
) -> None:
    monkeypatch.setattr(together, limit, least)
    select(run, {CELL: list(NUMBERS)})
    for number in NUMBERS:
        assert len(samples_of(number)) >= 3
        assert len(json.loads((run / "samples.json").read_text())) == 1 + NUMBERS.index(number)
    assert rounds == [1, 1]


def test_who_asks_for_a_cell_of_a_later_part_does_those_before_it(run, rounds, monkeypatch) -> None:
    monkeypatch.setattr(together, "_MOST_S", 1e-9)
    select(run, {CELL: list(NUMBERS)})
    samples_of(NUMBERS[1])
    samples_of(NUMBERS[0])
    assert rounds == [1, 1]


def test_a_cell_that_was_disturbed_says_so_in_its_own_process(run, rounds, monkeypatch) -> None:
    def disturbed(_: object) -> Samples:
        raise DisturbedError("disturbed: by a test")

    monkeypatch.setattr(sampler.Cell, "samples", disturbed)
    select(run, {CELL: [NUMBERS[0]]})
    benchmark = get_benchmark_from_name(str(ROOT / "benchmarks"), f"{CELL}-{NUMBERS[0]}")
    assert benchmark.do_setup() is True
    assert rounds == [1]


def test_without_a_selection_a_cell_is_sampled_by_itself(rounds, monkeypatch) -> None:
    assert os.environ[TOGETHER_VARIABLE]
    assert len(samples_of(NUMBERS[0])) >= 3
    monkeypatch.delenv(TOGETHER_VARIABLE)
    assert len(samples_of(NUMBERS[0])) >= 3
    assert rounds == [1, 1]
