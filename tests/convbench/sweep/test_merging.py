"""What hosts send is put together as asv would have, under the name of their kind."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from asv.results import Results
from asv.runner import BenchmarkResult

from convbench.results.reasons import read_reasons, reasons_file, write_reasons
from convbench.results.store import StoreError
from convbench.sweep.hosts import Kind
from convbench.sweep.merging import merge
from convbench.sweep.notes import add_note, note, notes_file, read_notes

COMMIT = "0123456789abcdef0123456789abcdef01234567"
TIMED: dict[str, Any] = {
    "name": "suite.time_it",
    "params": [["'a'", "'b'"], ["1", "2"]],
    "param_names": ["method", "size"],
    "version": "1",
    "type": "time",
}
PLAIN: dict[str, Any] = {
    "name": "suite.track_it",
    "params": [],
    "param_names": [],
    "version": "1",
    "type": "track",
}
BENCHMARKS: Any = {benchmark["name"]: benchmark for benchmark in (TIMED, PLAIN)}
CELLS = {
    **{(TIMED["name"], (m, s)): None for m in "ab" for s in (1, 2)},
    (PLAIN["name"], ()): None,
}
FACTS = {"arch": "x86_64", "cpu": "EPYC", "num_cpu": "2", "os": "Linux 1", "ram": "8328830976"}


def kind(name: str = "our-machine") -> Kind:
    return Kind("EPYC", name, {**FACTS, "machine": name}, ("one", "two"))


def results(machine: str) -> Results:
    params = {**FACTS, "machine": machine, "python": "3.11"}
    return Results(params, {}, COMMIT, 1_000, "3.11", "env-py3.11", {"OMP_NUM_THREADS": "1"})


def add_times(to: Results, selected: set[int], scale: float) -> None:
    """Do what asv does with what it has measured: cells that were not selected are n/a."""
    samples = [
        [scale * (1 + cell), scale * (1.5 + cell), scale * (2 + cell)] if cell in selected else None
        for cell in range(4)
    ]
    values = [math.nan if sample is None else 0.0 for sample in samples]
    numbers = [None if sample is None else 7 for sample in samples]
    measured = BenchmarkResult(values, samples, numbers, 0, "", None)
    to.add_result(TIMED, measured, record_samples=True, selected_idx=selected, duration=2.0)


def saved(made: Path, host: str, selected: set[int], scale: float, plain: float | None) -> Path:
    """Save what a host has measured, into a folder of its own."""
    own = results(host)
    add_times(own, selected, scale)
    if plain is not None:
        own.add_result(PLAIN, BenchmarkResult([plain], [None], [None], 0, "", None))
    own.save(str(made))
    return Path(made, own._filename)


def key(cell: int) -> tuple[str, tuple[str, int]]:
    return TIMED["name"], ("ab"[cell // 2], 1 + cell % 2)


def loaded(path: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(path.read_text())
    return read


def test_two_hosts_of_a_kind_make_the_file_that_one_would(tmp_path) -> None:
    here, expected = tmp_path / "here", results("our-machine")
    first = saved(tmp_path / "1", "one", {0, 1}, 0.3, 5.0).parents[1]
    second = saved(tmp_path / "2", "two", {2, 3}, 0.7, None).parents[1]
    cells = {key(0), key(1), (PLAIN["name"], ())}
    (path,) = merge(first, here, kind(), cells, BENCHMARKS)
    assert merge(second, here, kind(), {key(2), key(3)}, BENCHMARKS) == [path]

    add_times(expected, {0, 1}, 0.3)
    add_times(expected, {2, 3}, 0.7)
    expected.add_result(PLAIN, BenchmarkResult([5.0], [None], [None], 0, "", None))
    expected.save(str(tmp_path / "expected"))
    one = loaded(tmp_path / "expected" / expected._filename)
    two = loaded(path)
    started = one["result_columns"].index("started_at")
    for row in (*one["results"].values(), *two["results"].values()):
        row[started] = None
    assert two == one
    assert path == here / "our-machine" / path.name
    assert loaded(here / "our-machine" / "machine.json")["machine"] == "our-machine"


def test_a_cell_that_was_there_stays_and_what_was_not_asked_for_is_left(tmp_path) -> None:
    here = tmp_path / "here"
    merge(
        saved(tmp_path / "1", "one", {0}, 0.3, None).parents[1], here, kind(), {key(0)}, BENCHMARKS
    )
    again = saved(tmp_path / "2", "two", {0, 1, 2}, 0.7, 4.0).parents[1]
    (path,) = merge(again, here, kind(), {key(1)}, BENCHMARKS)
    found = Results.load(str(path), machine_name="our-machine")
    values = found.get_result_value(TIMED["name"], TIMED["params"])
    assert values[:2] == pytest.approx([0.3 * 1.5, 0.7 * 2.5])
    assert all(map(math.isnan, values[2:]))
    assert PLAIN["name"] not in found.get_all_result_keys()


def test_reasons_come_with_their_cells_and_go_when_there_is_a_value(tmp_path) -> None:
    here = tmp_path / "here"
    first = saved(tmp_path / "1", "one", {0}, 0.3, None)
    write_reasons(reasons_file(first), {key(1): "too slow", key(3): "not asked for"})
    (path,) = merge(first.parents[1], here, kind(), {key(0), key(1)}, BENCHMARKS)
    assert read_reasons(reasons_file(path)) == {key(1): "too slow"}
    second = saved(tmp_path / "2", "one", {1}, 0.3, None)
    write_reasons(reasons_file(second), {key(2): "disturbed: by a neighbour"})
    merge(second.parents[1], here, kind(), {key(1), key(2)}, BENCHMARKS)
    assert read_reasons(reasons_file(path)) == {key(2): "disturbed: by a neighbour"}


def test_a_file_that_asv_cannot_read_is_named(tmp_path) -> None:
    path = saved(tmp_path / "1", "one", {0}, 0.3, None)
    path.write_text("{")
    with pytest.raises(StoreError, match=path.name):
        merge(path.parents[1], tmp_path / "here", kind(), {key(0)}, BENCHMARKS)


def test_hosts_are_noted_beside_the_file_and_asv_reads_past_them(tmp_path) -> None:
    made = saved(tmp_path / "1", "one", {0}, 0.3, None).parents[1]
    (path,) = merge(made, tmp_path / "here", kind(), {key(0)}, BENCHMARKS)
    file = notes_file(path)
    for host, what in (("one", "^a"), ("two", "^b"), ("three", "^a")):
        add_note(file, note(host, "10.0.0.1", what))
    with file.open("ab") as cut:
        cut.write(b'{"host": "fo')
    assert [(n.host, n.measured) for n in read_notes(file)] == [("two", "^b"), ("three", "^a")]
    from asv.results import iter_results_for_machine

    assert len(list(iter_results_for_machine(str(tmp_path / "here"), "our-machine"))) == 1
