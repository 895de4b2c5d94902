"""Progress of pieces that end in whatever order."""

import io

from rich.console import Console

from convbench.command_line.progress import Forecast, track_ended


def test_a_piece_that_ends_early_counts_with_its_own_time() -> None:
    now = 0.0
    forecast = Forecast([10.0, 20.0, 30.0], now=lambda: now)
    assert forecast.left_s == 60.0
    now = 30.0
    forecast.finish_piece(ahead=2)  # as long as was expected: the pace stays
    assert forecast.left_s == 30.0


def test_each_is_told_by_its_own_title_as_it_ends() -> None:
    told = io.StringIO()
    console = Console(file=told, width=80)
    order = [2, 0, 1]
    assert list(track_ended(["a", "b", "c"], [1.0, 1.0, 1.0], iter(order), console)) == order
    lines = [line.split(",")[0] for line in told.getvalue().splitlines()]
    assert lines == ["[1/3] c", "[2/3] a", "[3/3] b"]
    assert told.getvalue().endswith("about 0:00 left\n")


def test_a_terminal_gets_a_bar() -> None:
    told = io.StringIO()
    console = Console(file=told, width=80, force_terminal=True)
    assert list(track_ended(["a", "b"], [1.0, 1.0], iter([1, 0]), console)) == [1, 0]
    assert "2/2" in told.getvalue()
