"""Show how far a run of known pieces is, and how long the rest will take."""

import time
from collections.abc import Callable, Generator, Iterable
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

    def finish_piece(self) -> None:
        """Note that the piece in progress is done."""
        self._done += 1
        self._piece_start = self._now()

    @property
    def elapsed_s(self) -> float:
        """Seconds since the beginning."""
        return self._now() - self._start

    @property
    def left_s(self) -> float:
        """Seconds that the rest is expected to take."""
        ahead = self._pace * sum(self._pieces[self._done + 1 :])
        left = ahead + max(0.0, self.next_s - (self._now() - self._piece_start))
        return min(left, max(0.0, self._limit_s - self.elapsed_s))

    @property
    def has_time(self) -> bool:
        """Whether the next piece is expected to end within the limit."""
        return self.elapsed_s + self.next_s <= self._limit_s

    @property
    def next_s(self) -> float:
        """Seconds that the piece in progress, or about to begin, is expected to take in all."""
        return self._pace * self._pieces[self._done] if self._done < len(self._pieces) else 0.0

    @property
    def _pace(self) -> float:
        # One expected second takes so many real ones on this machine. Expectations count as half
        # a minute of experience, so that the first piece alone cannot swing the forecast.
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
    if not console.is_terminal:
        for index, title in enumerate(titles):
            yield index, forecast
            forecast.finish_piece()
            console.print(
                f"[{index + 1}/{len(titles)}] {title}, about {clock(forecast.left_s)} left",
                markup=False,
                highlight=False,
                soft_wrap=True,
            )
        return
    columns = (
        BarColumn(bar_width=24),
        TextColumn("{task.completed}/{task.total}"),
        _Left(forecast),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=len(titles))
        for index, title in enumerate(titles):
            progress.update(task, description=title, refresh=True)
            yield index, forecast
            forecast.finish_piece()
            progress.advance(task)
