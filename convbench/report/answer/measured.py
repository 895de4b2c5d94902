"""The measured cells that the answer page shows beside its predictions."""

from typing import Any

from convbench.report.roofline.points import known_work
from convbench.results.grid import Grid, Measurement, history_link
from convbench.results.source import Source

_FORWARD = "forward"


def machines(found: list[Source]) -> list[dict[str, Any]]:
    """Return the newest run of each machine: its conditions, and its cells in both directions."""
    newest: dict[str, Source] = {}
    for source in found:  # the newest of a machine come first
        newest.setdefault(source.run.machine, source)
    return [
        {"name": name, "caption": source.caption, "cells": _cells(source)}
        for name, source in newest.items()
    ]


def _cells(source: Source) -> list[dict[str, Any]]:
    cells: dict[tuple[Any, ...], dict[str, Any]] = {}
    for grid in source.grids:
        for place in grid.places.values():
            entry = _case(grid, place.params)
            if entry is None:
                continue
            cell = cells.setdefault(tuple(entry.values()), {**entry, "methods": {}})
            for method in place.methods.values():
                figures = _figures(method)
                if figures is not None:
                    cell["methods"].setdefault(method.method, {})[grid.view.direction] = figures
    return [cell for cell in cells.values() if cell["methods"]]


def _case(grid: Grid, params: dict[str, Any]) -> dict[str, Any] | None:
    view = grid.view
    work = known_work(view, params)
    if work is None or view.layout != "contiguous":
        return None
    return {
        "output": work.output_size[0],
        "side": work.input_size[0],
        "filter": work.kernel_size[0],
        "batch": work.batch,
        "in": work.in_channels // work.groups,
        "out": work.out_channels // work.groups,
        "groups": work.groups,
        "dtype": view.dtype,
        "threads": view.threads,
    }


def _figures(measurement: Measurement) -> list[Any] | None:
    """Return seconds, error, bytes and the link to the history; None where there is no time."""
    seconds, record = measurement.time_s, measurement.time
    if seconds is None or record is None:
        return None
    return [seconds, measurement.error, measurement.peak_bytes, history_link(record)]
