"""Deal items to the hosts, and say what became of each as it comes back.

dask schedules: it knows which workers are free and of which kind, and gives an item to another
worker when one dies. No more items are handed to it than there are workers, since dask counts the
death of a worker against all that it was given, and since what comes first is to be first.
"""

import asyncio
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import CancelledError
from dataclasses import dataclass, field
from typing import Any

from distributed import KilledWorker, wait
from rich.console import Console

from convbench.command_line.failure import CommandError
from convbench.sweep.cluster import Site
from convbench.sweep.hosts import Kind
from convbench.sweep.item import UNREADY

_LOOK_S = 5.0
"""How often it is looked which workers there are."""
_TRIES = 3
"""How often an item is handed out that cannot be measured where it was."""
_DEADLY = "the workers that took it died, one after the other"


@dataclass(frozen=True)
class Item:
    """What one worker does at a time."""

    title: str
    kind: Kind
    arguments: tuple[str, ...]
    """Of `convbench.sweep.item`."""
    expected_s: float
    group: str
    """Items of one group have one reason not to work: the commit that cannot be installed, say."""


@dataclass(frozen=True)
class Outcome:
    """What became of an item."""

    problem: str = ""
    """Why it failed, in a sentence; empty if it did not."""
    host: str = ""
    address: str = ""
    files: Mapping[str, bytes] = field(default_factory=dict)


class Dealer:
    """Hands items to dask and takes what comes back."""

    def __init__(self, site: Site, console: Console) -> None:
        self._site, self._console = site, console
        self._unready: dict[str, str] = {}
        self._said: set[str] = set()

    def deal(self, items: list[Item]) -> Iterator[tuple[int, Outcome]]:
        """Yield each item's place and what became of it, in the order in which they end.

        Raises
        ------
        CommandError
            The scheduler ended.
        """
        waiting = list(range(len(items)))
        running: dict[Any, int] = {}
        tries = dict.fromkeys(waiting, 0)
        failed: dict[tuple[str, str], str] = {}
        try:
            while waiting or running:
                yield from self._leave_out(items, waiting, failed)
                self._hand_out(items, waiting, running)
                if not waiting and not running:
                    return
                ended = self._ended(running)
                for future in [] if ended else self._stranded(running):
                    index = running.pop(future)
                    tries[index] += 1
                    if tries[index] < _TRIES:
                        waiting.insert(0, index)
                    else:
                        yield index, Outcome(_DEADLY)
                for future in ended:
                    index = running.pop(future)
                    outcome, unready = self._outcome(future)
                    tries[index] += 1
                    if unready:
                        self._unready[items[index].kind.resource] = outcome.problem
                    if unready and tries[index] < _TRIES:
                        waiting.insert(0, index)
                        continue
                    if outcome.problem:
                        item = items[index]
                        failed[item.kind.resource, item.group] = outcome.problem
                    yield index, outcome
        except (CancelledError, OSError) as error:
            raise CommandError(f"the scheduler is gone ({type(error).__name__})") from None
        finally:
            for future in running:
                future.release()

    def _leave_out(
        self, items: list[Item], waiting: list[int], failed: dict[tuple[str, str], str]
    ) -> Iterator[tuple[int, Outcome]]:
        """Give up what failed already in another item, and what no host is left for."""
        places = self._site.places()
        for index in list(waiting):
            item = items[index]
            resource = item.kind.resource
            problem = failed.get((resource, item.group), "")
            if not problem and not places.get(resource):
                problem = self._unready.get(resource, "")
                if not problem:
                    self._say(f"no worker on {resource} is left: waiting for one")
            if problem:
                waiting.remove(index)
                yield index, Outcome(problem)

    def _hand_out(self, items: list[Item], waiting: list[int], running: dict[Any, int]) -> None:
        free = {resource: len(workers) for resource, workers in self._site.places().items()}
        for index in running.values():
            resource = items[index].kind.resource
            free[resource] = free.get(resource, 0) - 1
        for index in list(waiting):
            item = items[index]
            if free.get(item.kind.resource, 0) > 0:
                free[item.kind.resource] -= 1
                waiting.remove(index)
                running[self._site.submit(item.kind.resource, item.arguments)] = index

    def _ended(self, running: dict[Any, int]) -> list[Any]:
        """Wait until an item ends, or for a while: workers may have come or gone meanwhile."""
        if not running:
            time.sleep(_LOOK_S)
            return []
        try:
            done: set[Any] = wait(
                list(running), timeout=_LOOK_S, return_when="FIRST_COMPLETED"
            ).done
        except asyncio.TimeoutError:
            return []
        return sorted(done, key=running.__getitem__)

    def _stranded(self, running: dict[Any, int]) -> list[Any]:
        """Return what no worker has.

        dask gives an item to a worker that is there when another dies, or that comes with the
        resources; ours get them a moment after they have come. Until then they are passed over.
        """
        pending = [future for future in running if future.status == "pending"]
        if not pending:
            return []
        processing = self._site.client.processing()
        held = {str(key) for keys in processing.values() for key in keys}
        return [f for f in pending if f.status == "pending" and str(f.key) not in held]

    def _outcome(self, future: Any) -> tuple[Outcome, bool]:
        """Return what a future says, and whether it is its host that could not do the item."""
        try:
            done = future.result()
        except KilledWorker:
            return Outcome(_DEADLY), False
        except (CancelledError, OSError):
            raise
        except Exception as error:  # whatever a worker's Python lacks
            return Outcome(f"a worker broke: {type(error).__name__}: {error}"), False
        if done["status"] == 0:
            return Outcome("", done["host"], done["address"], done["files"]), False
        problem = f"{done['said'] or 'it said nothing'} (on {done['host']})"
        unready = done["status"] in (None, UNREADY)
        if unready:
            self._say(f"{done['worker']} gets no more items: {problem}")
            self._site.step_aside(done["worker"])
        return Outcome(problem), unready

    def _say(self, line: str) -> None:
        if line not in self._said:
            self._said.add(line)
            self._console.print(line, markup=False, highlight=False, soft_wrap=True, style="red")
