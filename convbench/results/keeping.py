"""Have asv keep what benchmarks say of a cell, beside its results."""

import ast
import itertools
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from convbench.results.reasons import (
    CellKey,
    read_reasons,
    reasons_file,
    slowdown,
    write_reasons,
)
from convbench.suite.conditions import SLOWDOWN, TOLERANCE

# What asv_runner prints for an exception in `setup`, and asv above it if there are many cells.
_SKIPPED = re.compile(r"^asv: skipped: \w+\((?P<said>.*)\) *$")
_FOR_PARAMETERS = "For parameters: "


def said(stderr: str) -> Iterator[tuple[str | None, str]]:
    r"""Yield what a benchmark printed of cells: their parameters, and why one is skipped or slow.

    Examples
    --------
    >>> list(said("For parameters: 'fft', 64\nasv: skipped: NotImplementedError('Too slow.')"))
    [("'fft', 64", 'Too slow.')]
    """
    params = None
    for line in stderr.splitlines():
        if line.startswith(_FOR_PARAMETERS):
            params = line.removeprefix(_FOR_PARAMETERS)
        elif (found := _SKIPPED.match(line)) is not None:
            yield params, _text(found["said"])
        elif line.startswith(SLOWDOWN):
            yield params, line.rstrip()


def _text(written: str) -> str:
    try:
        return str(ast.literal_eval(written))
    except (SyntaxError, ValueError):
        return written


def _cells(params: Sequence[Sequence[str]]) -> dict[str | None, int]:
    """Map the parameters of each cell, as asv writes them, to its place."""
    if not params:
        return {None: 0}
    return {", ".join(cell): index for index, cell in enumerate(itertools.product(*params))}


def _key(name: str, params: str | None) -> CellKey:
    if params is None:
        return name, ()
    values: Any = ast.literal_eval(f"({params},)")
    return name, tuple(values)


def merged(
    before: Mapping[CellKey, str],
    stderr: Mapping[str, str | None],
    params: Mapping[str, Sequence[Sequence[str]]],
    values: Mapping[str, Sequence[float | None] | None],
) -> dict[CellKey, str]:
    """Return why cells have no value, or a slow one: as known before, and as said now.

    Parameters
    ----------
    before
        By cell.
    stderr
        Benchmark to what it printed in this run.
    params, values
        Benchmark to its axes and to the values of all of its cells.
    """
    found = dict(before)
    for name, text in stderr.items():
        known = _cells(params.get(name, ()))
        for written, reason in said(text or ""):
            if written in known:
                found[_key(name, written)] = reason
    measured = {
        _key(name, written)
        for name, of in values.items()
        for written, index in _cells(params.get(name, ())).items()
        if of is not None and index < len(of) and (value := of[index]) is not None
        if not math.isnan(value)
    }
    return {
        key: reason
        for key, reason in found.items()
        if (slowdown(reason) > TOLERANCE if key in measured else not reason.startswith(SLOWDOWN))
    }


def make_asv_keep_reasons() -> None:
    """Have asv write the sentences whenever it saves the results of a commit."""
    from asv.results import Results

    save = Results.save

    def save_with_reasons(self: Any, result_dir: str) -> None:
        save(self, result_dir)
        path = reasons_file(Path(result_dir, self._filename))
        found = merged(read_reasons(path), self._stderr, self._benchmark_params, self._results)
        write_reasons(path, found)

    Results.save = save_with_reasons
