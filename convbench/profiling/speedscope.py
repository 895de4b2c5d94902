"""Traced calls as a file that https://www.speedscope.app and its offline build open."""

import json
from typing import Any

from convbench.profiling.trace import Event

_SCHEMA = "https://www.speedscope.app/file-format-schema.json"


def _events(event: Event, frame: Any, start_s: float, end_s: float) -> list[dict[str, Any]]:
    """Return the openings and closings of an event and all below it, in order of time."""
    # Clipped to what is around it: the trace rounds, and speedscope wants strict nesting.
    begin, end = max(event.start_s, start_s), min(event.end_s, end_s)
    index = frame(event.name)
    found = [{"type": "O", "frame": index, "at": begin}]
    at = begin
    for child in event.children:
        if child.start_s < end:
            found += _events(child, frame, max(at, begin), end)
            at = found[-1]["at"]
    return [*found, {"type": "C", "frame": index, "at": max(end, at)}]


def speedscope(calls: list[Event], title: str) -> str:
    """Return the file's text: one profile, the traced calls one after the other."""
    frames: dict[str, int] = {}

    def frame(name: str) -> int:
        return frames.setdefault(name, len(frames))

    events: list[dict[str, Any]] = []
    for call in calls:
        events += _events(call, frame, call.start_s, call.end_s)
    origin = calls[0].start_s
    for event in events:
        event["at"] = round((event["at"] - origin) * 1e6, 3)
    profile = {
        "type": "evented",
        "name": title,
        "unit": "microseconds",
        "startValue": 0,
        "endValue": events[-1]["at"],
        "events": events,
    }
    data = {
        "$schema": _SCHEMA,
        "shared": {"frames": [{"name": name} for name in frames]},
        "profiles": [profile],
        "name": title,
        "exporter": "convbench",
    }
    return json.dumps(data)
