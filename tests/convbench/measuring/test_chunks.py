"""Chunks: together what the report measures, each cell once, chosen by asv as we say."""

from collections import Counter

import pytest
from asv.benchmarks import Benchmarks

from convbench.measuring.chunks import of_cells, report_chunks
from convbench.measuring.measure import disturbed, once_more
from convbench.results.parameters import param_values
from convbench.results.reasons import CellKey
from convbench.results.store import Record, Run, load_benchmarks, load_config


@pytest.fixture(scope="module")
def benchmarks() -> Benchmarks:
    return load_benchmarks(load_config())


def selected(benchmarks: Benchmarks) -> set[CellKey]:
    """Return the cells that asv would run."""
    cells: set[CellKey] = set()
    for name, benchmark in benchmarks.items():
        values = [tuple(params.values()) for params in param_values(benchmark)]
        indices = benchmarks.benchmark_selection[name]
        cells |= {(name, values[i]) for i in (indices or range(len(values)))}
    return cells


def test_each_cell_of_the_report_is_in_one_chunk(benchmarks) -> None:
    counted = Counter(cell for chunk in report_chunks(benchmarks) for cell in chunk.cells)
    cells = {
        (name, tuple(params.values()))
        for name, benchmark in benchmarks.items()
        for params in param_values(benchmark)
        if name.split(".")[0] not in {"planning", "overhead", "peers", "networks", "instructions"}
        and not (name.startswith("layers.") and params["method"] in {"direct", "fft"})
    }
    assert set(counted) == cells
    assert set(counted.values()) == {1}


def test_asv_selects_the_cells_that_the_chunk_names(benchmarks) -> None:
    everything = list(benchmarks._all_benchmarks.values())
    for chunk in report_chunks(benchmarks):
        found = selected(Benchmarks(load_config(), everything, regex=[chunk.regex]))
        assert found == chunk.cells, chunk.title


def test_every_benchmark_can_be_forecast_whatever_its_parameters(benchmarks) -> None:
    named = {name for chunk in report_chunks(benchmarks, ".") for name, _ in chunk.cells}
    assert named == set(benchmarks)


def test_what_the_summary_needs_is_measured_first(benchmarks) -> None:
    chunks = report_chunks(benchmarks)
    named = [{name for name, _ in chunk.cells} for chunk in chunks]
    assert "conv2d.Forward.time_forward" in named[0]
    order = [name for names in named for name in names]
    grid, layers = "conv2d.Backward.time_backward", "layers.Backward.time_backward"
    assert order.index(grid) < order.index(layers)


def test_both_tables_know_the_fast_methods_before_any_waits_for_scipy(benchmarks) -> None:
    def chunk_of(benchmark: str, method: str) -> int:
        cell = (benchmark, (method, "all", 256, 7))
        return next(at for at, chunk in enumerate(chunks) if cell in chunk.cells)

    chunks = report_chunks(benchmarks)
    grids = ("conv2d.Forward.time_forward", "conv2d.Backward.time_backward")
    quick = [chunk_of(g, m) for g in grids for m in ("native", "compiled", "overlap_save", "auto")]
    late = [chunk_of(g, m) for g in grids for m in ("direct", "fft")]
    assert max(quick) <= min(late)


@pytest.mark.parametrize("pattern", [None, "."])
def test_all_methods_of_a_shape_are_measured_together(benchmarks, pattern) -> None:
    """But for scipy's, which a table can do without for a while."""
    late = {"direct", "fft"}
    found: dict[object, set[int]] = {}
    for at, chunk in enumerate(report_chunks(benchmarks, pattern)):
        for name, values in chunk.cells:
            names = benchmarks[name]["param_names"]
            params = dict(zip(names, values, strict=True))
            method = params.pop("method", None)
            if method is not None and name.split(".")[0] in {"conv2d", "layers", "halves"}:
                found.setdefault((name, method in late, *params.items()), set()).add(at)
    assert len(found) > 100
    assert {len(chunks) for chunks in found.values()} == {1}


def test_no_chunk_is_expected_to_take_long(benchmarks) -> None:
    assert max(chunk.expected_s for chunk in report_chunks(benchmarks)) < 130


@pytest.mark.parametrize("value", [1.0, float("nan")])
def test_a_chunk_is_measured_when_every_cell_is(benchmarks, value) -> None:
    chunk = report_chunks(benchmarks)[0]
    records = tuple(
        Record(name, dict(enumerate(values)), value, None, None, "too slow")
        for name, values in chunk.cells
    )
    whole = Run("machine", "commit", 0, "env", {}, "3.11", records)
    partial = Run("machine", "commit", 0, "env", {}, "3.11", records[1:])
    assert chunk.missing(whole) == frozenset()
    assert chunk.missing(partial) == {records[0].key}
    assert chunk.missing(None) == chunk.cells


@pytest.mark.parametrize("reason", [None, "disturbed: 0 of 9 samples count"])
def test_no_value_counts_only_with_a_reason_that_lasts(benchmarks, reason) -> None:
    chunk = report_chunks(benchmarks)[0]
    (name, values), *others = chunk.cells
    missing = Record(name, dict(enumerate(values)), float("nan"), None, None, reason)
    rest = [Record(n, dict(enumerate(v)), 1.0, None, None) for n, v in others]
    run = Run("machine", "commit", 0, "env", {}, "3.11", (missing, *rest))
    assert chunk.missing(run) == {(name, values)}
    alone = chunk.narrowed(chunk.missing(run))
    assert alone.cells == {(name, values)}
    assert alone.expected_s < chunk.expected_s
    assert disturbed(run, chunk.cells) == ([(name, values)] if reason else [])


def test_asv_selects_single_cells_as_well(benchmarks) -> None:
    chunk = next(c for c in report_chunks(benchmarks) if any(values for _, values in c.cells))
    cells = frozenset(list(chunk.cells)[::3])
    everything = list(benchmarks._all_benchmarks.values())
    assert (
        selected(Benchmarks(load_config(), everything, regex=[of_cells(cells, 1).regex])) == cells
    )


def test_cells_that_were_disturbed_are_tried_again_a_few_at_a_time() -> None:
    cells = [("a.B.time_c", (number,)) for number in range(25)]
    chunks = once_more(cells)
    assert [len(chunk.cells) for chunk in chunks] == [10, 10, 5]
    assert frozenset().union(*(chunk.cells for chunk in chunks)) == frozenset(cells)
    assert once_more([]) == []
