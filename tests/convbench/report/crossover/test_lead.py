"""Where the lead changes: winners, noise, interpolation, cells that were never measured."""

import math

import pytest

from convbench.report.crossover.lead import changes_text, crossings, lines, row_standings, standing
from convbench.results.grid import Grid, Measurement, Place, View
from convbench.results.store import Record

VIEW = View("conv2d", "forward", "float32", "contiguous")


def place(taps: int, row: str = "64", spread: float = 0.0, **times_s: float) -> Place:
    made = Place(row, taps, {})
    for method, seconds in times_s.items():
        interval = (seconds * (1 - spread), seconds * (1 + spread))
        record = Record("b.C.time_forward", {"method": method}, seconds, interval, 5)
        made.methods[method] = Measurement(method, record)
    return made


def grid(*places: Place) -> Grid:
    return Grid(VIEW, {(p.row, p.filter_size): p for p in places})


def test_the_lead_changes_where_the_interpolated_times_meet() -> None:
    # direct grows with the square of the filter, fft stays: they meet at exactly 8.
    row = [place(k, direct=k**2 / 64, fft=1.0) for k in (4, 16)]
    (found,) = crossings(map(standing, row))
    assert (found.before, found.after, found.between) == ("direct", "fft", (4, 16))
    assert found.filter_size == pytest.approx(8)
    assert found.share == pytest.approx(0.5)
    assert found.sure
    assert str(found) == "direct > fft at 8"


def test_a_win_within_noise_makes_the_crossing_unsure() -> None:
    row = [place(4, direct=1.0, fft=2.0), place(16, spread=0.2, direct=1.1, fft=1.0)]
    (found,) = crossings(map(standing, row))
    assert not found.sure
    assert str(found).endswith("?")


def test_a_loser_that_was_too_slow_to_measure_leaves_the_middle() -> None:
    row = [place(4, direct=1.0, fft=2.0), place(16, direct=math.nan, fft=2.0)]
    (found,) = crossings(map(standing, row))
    assert found.filter_size == pytest.approx(8)


def test_a_cell_without_any_time_is_passed_over() -> None:
    row = [place(4, fft=2.0), place(8, fft=math.nan), place(16, fft=2.0, direct=1.0)]
    (found,) = crossings(map(standing, row))
    assert found.between == (4, 16)
    assert standing(row[1]).winner is None


def test_speedup_over_native() -> None:
    assert standing(place(3, native=6.0, fft=2.0)).speedup_over_native == pytest.approx(3)
    assert standing(place(3, direct=6.0, fft=2.0)).speedup_over_native is None
    assert standing(place(3, native=math.nan, fft=2.0)).speedup_over_native is None


def test_auto_takes_no_rank() -> None:
    found = standing(place(3, native=6.0, fft=2.0, auto=1.9))
    assert found.winner is not None
    assert (found.winner.method, found.winner.runner_up) == ("fft", "native")
    assert found.auto_ratio == pytest.approx(0.95)
    assert standing(place(3, native=6.0)).auto_ratio is None
    assert standing(place(3, native=math.nan, auto=1.0)).winner is None


def test_lines_join_the_rows_in_units_of_the_map() -> None:
    sizes = {"64": 8, "128": 4}
    made = grid(
        *[
            place(k, row, direct=(k / at) ** 2, fft=1.0)
            for row, at in sizes.items()
            for k in (2, 16)
        ]
    )
    (points,) = lines(made).values()
    assert [(x, y) for x, y, _ in points] == [
        (pytest.approx(0.5 + 2 / 3), 0.5),
        (pytest.approx(0.5 + 1 / 3), 1.5),
    ]
    assert [s.place.filter_size for s in row_standings(made, "64")] == [2, 16]


def test_text_of_a_row() -> None:
    made = grid(place(2, fft=1.0), place(4, fft=1.0), place(2, "128", fft=1.0))
    assert changes_text(made, "64", "; ") == "never"
    assert changes_text(made, "128", "; ") == "one filter size only"
