"""Have asv say which cells a run is of, so that this suite's are sampled together.

The suite's processes look for the file in the folder that a variable names: `benchmarks.together`.
"""

import json
import os
import tempfile
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

from convbench.suite.conditions import DEADLINE_VARIABLE, TOGETHER_VARIABLE

# The name of `benchmarks.together`, again; a test compares the two.
SELECTION = "selection.json"


def selection(
    benchmarks: Mapping[str, Mapping[str, Any]], chosen: Mapping[str, list[int] | set[int] | None]
) -> list[str]:
    """Return the cells of a run as asv calls them, a timed benchmark's name and a number.

    Cells that differ by their first parameter alone follow each other: they are what is compared,
    and not all cells of a large run can be sampled at a time.

    Parameters
    ----------
    benchmarks
        What asv knows of each, by name.
    chosen
        By name, the numbers of the cells that were asked for; all of them where it says nothing.

    Examples
    --------
    >>> times = {"type": "time", "params": [["'fft'", "'auto'"], ["3", "5"]]}
    >>> selection({"a.time_b": times, "a.track_c": {"type": "track", "params": []}}, {})
    ['a.time_b-0', 'a.time_b-2', 'a.time_b-1', 'a.time_b-3']
    >>> selection({"a.time_b": times}, {"a.time_b": {2, 1}})
    ['a.time_b-2', 'a.time_b-1']
    """
    cells = []
    for name, benchmark in benchmarks.items():
        if benchmark["type"] != "time" or not benchmark["params"]:
            continue
        numbers = chosen.get(name)
        beside = prod(map(len, benchmark["params"][1:]))
        found = range(beside * len(benchmark["params"][0])) if numbers is None else numbers
        cells += [f"{name}-{n}" for n in sorted(found, key=lambda n: (n % beside, n))]
    return cells


def make_asv_sample_together() -> None:
    """Have asv's runs write it down, each before its first cell."""
    from asv.commands import run

    run_benchmarks = run.run_benchmarks

    def run_together(benchmarks: Any, *args: Any, **options: Any) -> Any:
        with tempfile.TemporaryDirectory(prefix="fftconv-run-") as folder:
            variables = {TOGETHER_VARIABLE: folder}
            if options.get("quick"):  # a try: each cell by itself, and no longer than it must be
                variables[DEADLINE_VARIABLE] = "0"
            elif not options.get("profile"):
                chosen = selection(benchmarks, benchmarks.benchmark_selection)
                Path(folder, SELECTION).write_text(json.dumps(chosen), encoding="utf-8")
            before = {name: os.environ.get(name) for name in variables}
            os.environ.update(variables)
            try:
                return run_benchmarks(benchmarks, *args, **options)
            finally:
                for name, value in before.items():
                    if value is None:
                        del os.environ[name]
                    else:
                        os.environ[name] = value

    run.run_benchmarks = run_together
