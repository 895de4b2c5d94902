"""Chunks: together what the report measures, each cell once, chosen by asv as we say."""

from collections import Counter

import pytest
from asv.benchmarks import Benchmarks

from convbench.measuring.chunks import report_chunks
from convbench.results.store import Record, Run, load_benchmarks, load_config, param_values


@pytest.fixture(scope="module")
def benchmarks() -> Benchmarks:
    return load_benchmarks(load_config())


def test_each_cell_of_the_report_is_in_one_chunk(benchmarks) -> None:
    counted = Counter(cell for chunk in report_chunks(benchmarks) for cell in chunk.cells)
    cells = {
        (name, tuple(params.values()))
        for name, benchmark in benchmarks.items()
        for params in param_values(benchmark)
        if name.split(".")[0] not in {"planning", "overhead", "peers", "instructions"}
        and not (name.startswith("layers.") and params["method"] in {"direct", "fft"})
    }
    assert set(counted) == cells
    assert set(counted.values()) == {1}


def test_asv_selects_the_cells_that_the_chunk_names(benchmarks) -> None:
    everything = list(benchmarks._all_benchmarks.values())
    for chunk in report_chunks(benchmarks):
        selected = Benchmarks(load_config(), everything, regex=[chunk.regex])
        cells = set()
        for name, benchmark in selected.items():
            values = [tuple(params.values()) for params in param_values(benchmark)]
            indices = selected.benchmark_selection[name]
            cells |= {(name, values[i]) for i in (indices or range(len(values)))}
        assert cells == chunk.cells, chunk.title


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


def test_no_chunk_is_expected_to_take_long(benchmarks) -> None:
    assert max(chunk.expected_s for chunk in report_chunks(benchmarks)) < 60


@pytest.mark.parametrize("value", [1.0, float("nan")])
def test_a_chunk_is_measured_when_every_cell_is(benchmarks, value) -> None:
    chunk = report_chunks(benchmarks)[0]
    records = tuple(
        Record(name, dict(enumerate(values)), value, None, None) for name, values in chunk.cells
    )
    whole = Run("machine", "commit", 0, "env", {}, "3.11", records)
    partial = Run("machine", "commit", 0, "env", {}, "3.11", records[1:])
    assert chunk.measured_in(whole, chunk.cells)
    assert not chunk.measured_in(partial, chunk.cells)
    assert not chunk.measured_in(None, chunk.cells)


def test_no_value_counts_only_of_cells_that_were_tried(benchmarks) -> None:
    chunk = report_chunks(benchmarks)[0]
    (name, values), *others = chunk.cells
    value = dict.fromkeys(others, 1.0) | {(name, values): float("nan")}
    records = tuple(
        Record(name, dict(enumerate(values)), value[name, values], None, None)
        for name, values in chunk.cells
    )
    run = Run("machine", "commit", 0, "env", {}, "3.11", records)
    assert not chunk.measured_in(run, frozenset(others))
    assert chunk.measured_in(run, frozenset({(name, values)}))
