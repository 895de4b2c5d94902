"""`pyperf compare_to`, as a tool of the study: two runs of the suite's pyperf door, compared."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

from convbench.command_line.failure import CommandError, MisuseError
from convbench.gate.install import SIDES, Installed
from convbench.power.trials import FOUND, NOT_FOUND, Task, Trial
from convbench.suite.facts import UNSAID

NAME = "pyperf"
_WAYS = {"as it is": (), "--min-speed 2": ("--min-speed", "2")}
# pyperf's door has the cells of all threads alone.
_NAME = re.compile(rf"conv2d\.Forward\.time_forward\('(\w+)', (?:{UNSAID}, )?(\d+), (\d+)\)")


def pyperf_name(cell: str) -> str:
    """Return pyperf's name of a cell of asv's.

    Raises
    ------
    MisuseError
        It is none that pyperf and the injection have.
    """
    found = _NAME.fullmatch(cell)
    if found is None:
        raise MisuseError(f"the study is of cells of conv2d.Forward.time_forward, not of {cell!r}")
    return f"forward-{found[1]}-{found[2]}-{found[3]}-float32"


def _pyperf(folder: Path, package: Path | None, *arguments: str) -> str:
    path = {} if package is None else {"PYTHONPATH": str(package)}
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=folder,
        env={**os.environ, **path},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        last = done.stderr.strip().splitlines()[-1:] or ["it printed nothing"]
        raise CommandError(f"{' '.join(arguments[:2])} ended with {done.returncode}: {last[0]}")
    return done.stdout


def run(task: Task, cell: str, budget_s: float, sides: Installed, processes: int) -> Trial:
    """Run pyperf once for each side, then compare."""
    files = [sides.folder / f"pyperf-{side}.json" for side in SIDES]
    start = time.monotonic()
    for side, file in zip(SIDES, files, strict=True):
        file.unlink(missing_ok=True)
        _pyperf(
            sides.folder,
            sides.side(side),
            *("benchmarks.conv2d", "--cells", f"^{pyperf_name(cell)}$", "--quiet"),
            *("--inherit-environ", "PYTHONPATH", "--output", str(file)),
            *("--processes", str(processes)),
        )
    seconds = time.monotonic() - start
    verdicts = {}
    for way, options in _WAYS.items():
        printed = _pyperf(sides.folder, None, "pyperf", "compare_to", *options, *map(str, files))
        verdicts[f"pyperf compare_to, {way}"] = FOUND if "x slower" in printed else NOT_FOUND
    return Trial(task, cell, budget_s, seconds, verdicts, rounds=processes)
