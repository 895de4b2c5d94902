"""Show how far the gate is, and how long it can still take."""

import contextlib
import time
from collections.abc import Iterator

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from convbench.command_line.progress import Announce, clock
from convbench.gate.campaign import Campaign

_LINE_EVERY_S = 15.0


def _left(campaign: Campaign) -> str:
    return f"at most {clock(campaign.budget_s - campaign.elapsed_s)} left"


@contextlib.contextmanager
def shown(campaign: Campaign, console: Console) -> Iterator[Announce]:
    """Give what is to be called with each step: a bar on a terminal, now and then a line in a log.

    The bar is of the budget, since that is what ends the gate if nothing else does.
    """
    if not console.is_terminal:
        last = -_LINE_EVERY_S

        def line(step: str) -> None:
            nonlocal last
            if time.monotonic() - last >= _LINE_EVERY_S:
                last = time.monotonic()
                console.print(f"{step}, {_left(campaign)}", markup=False, highlight=False)

        yield line
        return
    columns = (BarColumn(bar_width=24), TextColumn("{task.description}"))
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=campaign.budget_s)

        def move(step: str) -> None:
            progress.update(
                task,
                completed=min(campaign.elapsed_s, campaign.budget_s),
                description=f"{_left(campaign)}: {step}",
                refresh=True,
            )

        yield move
