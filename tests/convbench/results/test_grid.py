"""Joining time, error and memory of a cell over benchmarks whose names nobody lists."""

import math

import pytest

from convbench.results.grid import View, grids, history_link, threads
from convbench.results.store import Record, Run


def record(benchmark: str, value: float, **params: object) -> Record:
    return Record(benchmark, params, value, None, None)


def run(*records: Record) -> Run:
    return Run("m", "c" * 40, 0, "env", {}, "3.11", records)


AT = {"method": "fft", "input": 64, "filter": 3}


def test_time_error_and_memory_meet_in_one_cell() -> None:
    (grid,) = grids(
        run(
            record("conv2d.Forward.time_forward", 0.5, **AT),
            record("conv2d.Accuracy.track_error", 1e-7, direction="forward", **AT),
            record("conv2d.Memory.peakmem_call", 300.0, direction="forward", **AT),
            record("package.Reference.peakmem_nothing", 200.0),
        )
    )
    assert grid.view == View("conv2d", "forward", "float32", "contiguous")
    measured = grid.places["64", 3].methods["fft"]
    assert (measured.time_s, measured.error, measured.peak_bytes) == (0.5, 1e-7, 100.0)


def test_skipped_cells_have_no_numbers() -> None:
    (grid,) = grids(
        run(
            record("conv2d.Forward.time_forward", math.nan, **AT),
            record("conv2d.Accuracy.track_error", math.nan, direction="forward", **AT),
        )
    )
    measured = grid.places["64", 3].methods["fft"]
    assert (measured.time_s, measured.error) == (None, None)


def test_views_follow_direction_dtype_and_layout() -> None:
    found = grids(
        run(
            record("conv2d.Backward.time_backward", 1.0, **AT),
            record("conv2d.Forward.time_forward", 1.0, **AT),
            record(
                "conv2d.ForwardFloat64.time_forward", 1.0, method="fft", **{"input/filter": "128/7"}
            ),
            record("cnn.Train.time_step", 1.0, direction="backward", layout="nhwc", **AT),
        )
    )
    assert [grid.view for grid in found] == [
        View("cnn", "backward", "float32", "nhwc"),
        View("conv2d", "forward", "float32", "contiguous"),
        View("conv2d", "forward", "float64", "contiguous"),
        View("conv2d", "backward", "float32", "contiguous"),
    ]
    assert list(found[2].places) == [("128", 7)]


def test_other_parameters_name_the_row() -> None:
    (grid,) = grids(run(record("cnn.Forward.time_forward", 1.0, shape="3->16", **AT)))
    assert grid.rows == ["3->16 64"]
    assert grid.methods == ["fft"]


def test_rows_are_sorted_as_numbers() -> None:
    cells = [{**AT, "input": size} for size in (1024, 64, 512)]
    (grid,) = grids(run(*[record("conv2d.Forward.time_forward", 1.0, **at) for at in cells]))
    assert grid.rows == ["64", "512", "1024"]


def test_benchmarks_of_something_else_take_no_part() -> None:
    assert grids(run(record("spectrum.Forward.time_forward", 1.0, gradient="true", input=64))) == []


def test_threads_are_unknown_where_they_were_not_recorded() -> None:
    assert threads(run()) == "?"
    assert threads(run(record("package.Reference.track_threads", 2.0))) == "2"


def test_link_names_every_parameter_as_asv_stores_it() -> None:
    link = history_link(
        record("conv2d.ForwardFloat64.time_forward", 1.0, method="fft", **{"input/filter": "64/3"})
    )
    assert link == (
        "index.html#conv2d.ForwardFloat64.time_forward"
        "?p-method=%27fft%27&p-input%2Ffilter=%2764%2F3%27"
    )


def test_auto_and_the_method_that_wins_most_come_first_and_the_slowest_last() -> None:
    times = {"slow": (9.0, 9.0), "steady": (2.0, 2.0), "best": (1.0, 1.0), "auto": (3.0, 1.0)}
    (grid,) = grids(
        run(
            *(
                record("conv2d.Forward.time_forward", s, method=method, input=64, filter=taps)
                for method, seconds in times.items()
                for taps, s in zip((3, 7), seconds, strict=True)
            ),
            record("conv2d.Forward.time_forward", math.nan, method="never", input=64, filter=3),
        )
    )
    assert grid.methods == ["slow", "steady", "best", "auto", "never"]
    assert grid.ranked_methods == ["auto", "best", "steady", "slow", "never"]
    assert grid.places["64", 7].fastest == "best"
    assert grid.places["64", 3].behind("never") is None


@pytest.mark.parametrize(
    ("reason", "word"),
    [
        (None, "not run"),
        ("2 s a call are more than the budget of 1 s", "skipped"),
        ("disturbed: 0 of 9 samples count", "disturbed"),
    ],
)
def test_why_there_is_no_value_is_a_word(reason: str | None, word: str) -> None:
    assert Record("b", {"method": "direct"}, math.nan, None, None, reason).absence == word
