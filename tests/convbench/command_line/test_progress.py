"""The time left: from expectations, corrected by what the done pieces took."""

import io

import pytest
from rich.console import Console

from convbench.command_line.progress import Forecast, clock, track


class Clock:
    time_s = 0.0

    def __call__(self) -> float:
        return self.time_s


def test_the_forecast_begins_with_the_expectations() -> None:
    assert Forecast([10.0, 20.0, 30.0], Clock()).left_s == pytest.approx(60.0)


def test_the_forecast_runs_down_within_a_piece_and_not_below_zero() -> None:
    now = Clock()
    forecast = Forecast([10.0, 20.0], now)
    now.time_s = 4.0
    assert forecast.left_s == pytest.approx(26.0)
    now.time_s = 100.0
    assert forecast.left_s == pytest.approx(20.0)


def test_a_machine_half_as_fast_is_found_out() -> None:
    now = Clock()
    forecast = Forecast([100.0] * 10, now)
    for _ in range(5):
        now.time_s += 200.0
        forecast.finish_piece()
    assert forecast.left_s == pytest.approx(1000.0, rel=0.05)
    assert forecast.elapsed_s == 1000.0


def test_a_limit_caps_the_time_left_and_says_what_finds_no_time() -> None:
    now = Clock()
    forecast = Forecast([10.0, 10.0, 20.0], now, limit_s=25.0)
    assert forecast.left_s == pytest.approx(25.0)
    now.time_s = 10.0
    forecast.finish_piece()
    assert forecast.has_time
    now.time_s = 20.0
    forecast.finish_piece()
    assert forecast.next_s == pytest.approx(20.0)
    assert not forecast.has_time
    assert forecast.left_s == pytest.approx(5.0)


def test_what_fits_into_the_limit_leaves_some_of_it() -> None:
    now = Clock()
    forecast = Forecast([10.0, 20.0, 40.0, 5.0], now, limit_s=45.0)
    assert forecast.fitting == (2, pytest.approx(15.0))  # in their order: the last one waits, too
    forecast.lengthen(10.0)
    assert forecast.fitting == (2, pytest.approx(5.0))
    now.time_s = 20.0
    forecast.finish_piece()
    assert forecast.pace == pytest.approx(1.0), "as long as it was expected to be at last"
    assert forecast.fitting == (1, pytest.approx(5.0))
    now.time_s = 40.0
    assert forecast.fitting[0] == 1, "the next one is begun, whatever it takes"
    assert Forecast([10.0], now, limit_s=5.0).fitting == (1, pytest.approx(-5.0))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-1, "0:00"), (0, "0:00"), (7.4, "0:07"), (67, "1:07"), (600, "10:00"), (3667, "1:01:07")],
)
def test_clock(seconds, text) -> None:
    assert clock(seconds) == text


@pytest.mark.parametrize("terminal", [True, False])
def test_each_piece_is_shown_once(terminal) -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=terminal, width=100)
    indices = [index for index, _ in track(["first", "second"], [1.0, 1.0], console)]
    assert indices == [0, 1]
    shown = screen.getvalue()
    assert "first" in shown
    assert "second" in shown
    assert "left" in shown
    if not terminal:
        assert shown.splitlines()[-1] == "[2/2] second, about 0:00 left"
