"""A torch.profiler trace as calls with self times.

The trace holds Python frames, built-in functions and torch operators of all traced calls, as
intervals that nest. An event's self time is what no event inside it accounts for.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from convbench.profiling.worker import CALL

_CATEGORIES = {"python_function", "cpu_op", "user_annotation"}


@dataclass
class Event:
    """One interval of the trace."""

    name: str
    start_s: float
    duration_s: float
    shapes: list[list[int]]
    types: list[str]
    concrete: list[str]
    """Arguments that are no tensors, as text."""
    parent: "Event | None" = None
    children: list["Event"] = field(default_factory=list)

    @property
    def self_s(self) -> float:
        """Seconds that no child accounts for."""
        return max(0.0, self.duration_s - sum(child.duration_s for child in self.children))

    @property
    def end_s(self) -> float:
        """When it ended."""
        return self.start_s + self.duration_s

    def walk(self) -> Iterator["Event"]:
        """Yield the event and all below it."""
        yield self
        for child in self.children:
            yield from child.walk()


def _event(raw: dict[str, Any]) -> Event:
    arguments = raw.get("args", {})
    shapes = [shape for shape in arguments.get("Input Dims", []) if isinstance(shape, list)]
    return Event(
        raw["name"],
        float(raw["ts"]) * 1e-6,
        float(raw["dur"]) * 1e-6,
        shapes,
        [str(name) for name in arguments.get("Input type", [])],
        [str(value) for value in arguments.get("Concrete Inputs", [])],
    )


def _nest(events: list[Event]) -> list[Event]:
    """Link the events of one thread by containment; return those within none."""
    roots: list[Event] = []
    open_events: list[Event] = []
    for event in sorted(events, key=lambda e: (e.start_s, -e.duration_s)):
        while open_events and event.start_s >= open_events[-1].end_s:
            open_events.pop()
        if open_events:
            event.parent = open_events[-1]
            open_events[-1].children.append(event)
        else:
            roots.append(event)
        open_events.append(event)
    return roots


def read_calls(path: Path) -> list[Event]:
    """Return the traced calls, each with everything that happened in it.

    Raises
    ------
    ValueError
        The trace holds none.
    """
    raw = json.loads(path.read_text(encoding="utf-8"))["traceEvents"]
    threads: dict[Any, list[Event]] = {}
    for entry in raw:
        if entry.get("ph") == "X" and entry.get("cat") in _CATEGORIES:
            threads.setdefault(entry["tid"], []).append(_event(entry))
    calls = [
        event
        for events in threads.values()
        for root in _nest(events)
        for event in root.walk()
        if event.name.endswith(f": {CALL}")
    ]
    if not calls:
        raise ValueError(f"{path} holds no call of {CALL}")
    return sorted(calls, key=lambda event: event.start_s)


def median_call(calls: list[Event]) -> Event:
    """Return the call of median duration; the first one warms up the tracer and is left out."""
    ranked = sorted(calls[1:] or calls, key=lambda event: event.duration_s)
    return ranked[len(ranked) // 2]
