"""Show how far a run of known pieces is, and how long the rest will take."""

import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from math import inf

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn
from rich.progress import Task as BarTask
from rich.text import Text

Announce = Callable[[str], None]
"""Called with each step of something that takes a while."""


def clock(seconds: float) -> str:
    """Write seconds as a stopwatch does: 3:07."""
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class Forecast:
    """Seconds left, from what the pieces were expected to take and what the done ones took.

    Never more than are left of `limit_s`, after which no piece is begun.
    """

    def __init__(
        self,
        expected_s: Iterable[float],
        now: Callable[[], float] = time.monotonic,
        limit_s: float = inf,
    ) -> None:
        self._limit_s = limit_s
        self._pieces = list(expected_s)
        self._done = 0
        self._now = now
        self._start = self._piece_start = now()

    def finish_piece(self, ahead: int = 0) -> None:
        """Note that the piece in progress is done, or one that comes so many `ahead` of it."""
        self._pieces.insert(self._done, self._pieces.pop(self._done + ahead))
        self._done += 1
        self._piece_start = self._now()

    @property
    def elapsed_s(self) -> float:
        """Seconds since the beginning."""
        return self._now() - self._start

    @property
    def left_s(self) -> float:
        """Seconds that the rest is expected to take."""
        ahead = self.pace * sum(self._pieces[self._done + 1 :])
        left = ahead + max(0.0, self.next_s - (self._now() - self._piece_start))
        return min(left, max(0.0, self._limit_s - self.elapsed_s))

    @property
    def has_time(self) -> bool:
        """Whether the next piece is expected to end within the limit."""
        return self.elapsed_s + self.next_s <= self._limit_s

    @property
    def fitting(self) -> tuple[int, float]:
        """How many pieces, the next one first, fit into the limit, and the seconds that are left.

        The next one is among them, whatever it takes.
        """
        left_s = self._limit_s - self.elapsed_s - self.next_s
        for number, expected_s in enumerate(self._pieces[self._done + 1 :], 1):
            if self.pace * expected_s > left_s:
                return number, left_s
            left_s -= self.pace * expected_s
        return len(self._pieces) - self._done, left_s

    def lengthen(self, seconds: float) -> None:
        """Note that the next piece is expected to take so many seconds more."""
        self._pieces[self._done] += seconds

    @property
    def next_s(self) -> float:
        """Seconds that the piece in progress, or about to begin, is expected to take in all."""
        return self.pace * self._pieces[self._done] if self._done < len(self._pieces) else 0.0

    @property
    def pace(self) -> float:
        """How many seconds one expected second takes on this machine."""
        # Expectations count as half a minute of experience, so that the first piece alone cannot
        # swing the forecast.
        finished = sum(self._pieces[: self._done])
        return (self._piece_start - self._start + 30.0) / (finished + 30.0)


class _Left(ProgressColumn):
    """The forecast's seconds left."""

    max_refresh = 0.5

    def __init__(self, forecast: Forecast) -> None:
        super().__init__()
        self._forecast = forecast

    def render(self, task: BarTask) -> Text:
        """Write the time left, from the forecast and not from rich's own speed estimate."""
        return Text(f"about {clock(self._forecast.left_s)} left")


def track(
    titles: list[str], expected_s: list[float], console: Console, limit_s: float = inf
) -> Generator[tuple[int, Forecast], None, None]:
    """Yield each piece's index while a display shows the progress.

    On a terminal it is a bar; elsewhere (a log) it is a line for each piece that is done.
    """
    forecast = Forecast(expected_s, limit_s=limit_s)
    with _display(len(titles), forecast, console) as display:
        for index, title in enumerate(titles):
            display.begin(title)
            yield index, forecast
            forecast.finish_piece()
            display.finish(title)


def track_ended(
    titles: list[str], expected_s: list[float], ended: Iterable[int], console: Console
) -> Iterator[int]:
    """Yield the index of each piece that has `ended`, in whatever order, and show the progress.

    A piece counts as done when the next one is asked for. Pieces side by side are expected to take
    what they take of the whole: seconds over the number of places.
    """
    forecast = Forecast(expected_s)
    left = list(range(len(titles)))
    with _display(len(titles), forecast, console) as display:
        for index in ended:
            yield index
            forecast.finish_piece(left.index(index))
            left.remove(index)
            display.finish(titles[index])


class _Display:
    """How many pieces are done, and how long the rest will take."""

    def __init__(self, total: int, forecast: Forecast, console: Console) -> None:
        self._total, self._forecast, self._console = total, forecast, console
        self._done = 0

    def begin(self, title: str) -> None:
        """Show which piece is in progress."""

    def finish(self, title: str) -> None:
        """Show that a piece is done."""
        self._done += 1
        self._console.print(
            f"[{self._done}/{self._total}] {title}, about {clock(self._forecast.left_s)} left",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )


class _Bar(_Display):
    """The same on a terminal."""

    def __init__(self, total: int, forecast: Forecast, console: Console, bar: Progress) -> None:
        super().__init__(total, forecast, console)
        self._bar = bar
        self._task = bar.add_task("", total=total)

    def begin(self, title: str) -> None:
        self._bar.update(self._task, description=title, refresh=True)

    def finish(self, title: str) -> None:
        self._bar.advance(self._task)
        self._bar.update(self._task, description=title)


@contextmanager
def _display(total: int, forecast: Forecast, console: Console) -> Iterator[_Display]:
    if not console.is_terminal:
        yield _Display(total, forecast, console)
        return
    columns = (
        BarColumn(bar_width=24),
        TextColumn("{task.completed}/{task.total}"),
        _Left(forecast),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        yield _Bar(total, forecast, console, bar)
