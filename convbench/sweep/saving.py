"""Run a plan: each part is saved as it comes back, so that nothing that came back can be lost."""

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from rich.console import Console

from convbench.asv.command import alone
from convbench.command_line.failure import CommandError
from convbench.command_line.progress import track_ended
from convbench.sweep.dealing import Dealer, Item, Outcome


class _HasItem(Protocol):
    @property
    def item(self) -> Item: ...


PartT = TypeVar("PartT", bound=_HasItem)


class Saved(ABC, Generic[PartT]):
    """What there is to do, and where it goes."""

    parts: list[PartT]

    @abstractmethod
    def save(self, part: PartT, outcome: Outcome) -> None:
        """Keep what a worker has sent."""


def run(
    plan: Saved[PartT], dealer: Dealer, places: int, held: bool, console: Console
) -> dict[str, str]:
    """Have every part done; return what went wrong, by the group of the items.

    Parameters
    ----------
    plan
        What is to be done.
    dealer
        Who hands it out.
    places
        On how many workers.
    held
        Whether this process has the clone's lock already.
    console
        Where the progress is shown.
    """
    items = [part.item for part in plan.parts]
    outcomes: dict[int, Outcome] = {}

    def ended() -> Generator[int, None, None]:
        for index, outcome in dealer.deal(items):
            outcomes[index] = outcome
            yield index

    failures: dict[str, str] = {}
    titles = [item.title for item in items]
    expected_s = [item.expected_s / places for item in items]
    # Closed at once if this is interrupted, so that dask forgets what is still out.
    with contextlib.closing(ended()) as ending:
        for index in track_ended(titles, expected_s, ending, console):
            outcome = outcomes.pop(index)
            if outcome.problem:
                failures.setdefault(items[index].group, outcome.problem)
                continue
            # Nor does an asv of this clone read and write the same file meanwhile.
            with contextlib.nullcontext() if held else alone():
                plan.save(plan.parts[index], outcome)
    return failures


def unpack(files: Mapping[str, bytes], folder: Path) -> None:
    """Write what a worker has sent into a folder, and nothing beside it."""
    for name, data in files.items():
        path = folder / name
        if not path.resolve().is_relative_to(folder.resolve()):
            raise CommandError(f"a worker sent a file for {name!r}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
