"""`asv continuous`, as a tool of the study: by its command line, in the injected repository."""

import re
import subprocess
import sys
import time

from convbench.asv.machines import machine_name
from convbench.command_line.failure import CommandError
from convbench.power.injection import BASE, Injected
from convbench.power.trials import FOUND, NOT_FOUND, Task, Trial

# asv reports what changed by more than a factor; its own is 10%, the study's the gate's threshold.
_FACTORS = {1.1: "asv's factor 1.1", 1.02: "--factor 1.02"}


def _asv(repository: Injected, *arguments: str) -> str:
    """Run asv; return what it printed.

    1 of `asv continuous` means that it found a slowdown. It is also how asv ends where it cannot
    do what it was told, so what is printed is believed only if its results can then be compared.
    """
    done = subprocess.run(
        [sys.executable, "-m", "asv", *arguments],
        cwd=repository.root,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    good = (0, 1) if arguments[0] == "continuous" else (0,)
    if done.returncode not in good or "Traceback" in done.stdout:
        last = done.stdout.strip().splitlines()[-1:] or ["it printed nothing"]
        raise CommandError(f"asv {arguments[0]} ended with {done.returncode}: {last[0]}")
    return done.stdout


def prepare(repository: Injected, cell: str) -> None:
    """Make asv's environment, once for all trials, and enter this machine in asv's books."""
    machine_name(None)
    _asv(repository, "run", f"{BASE}^!", "--bench", f"^{re.escape(cell)}$", "--quick")


def _forget(repository: Injected) -> None:
    """Remove earlier trials' results: each trial starts with nothing."""
    for path in (repository.root / "results").glob("*/*.json"):
        if path.name != "machine.json":
            path.unlink()


def _slower(repository: Injected, contender: str, factor: float) -> bool:
    """Whether asv marks the cell as slower, by its own statistics and this factor."""
    printed = _asv(
        repository, "compare", BASE, contender, "--factor", str(factor), "--only-changed"
    )
    return any(re.match(r"\|\s*\+\s*\|", line) for line in printed.splitlines())


def run(task: Task, cell: str, budget_s: float, repository: Injected, rounds: int = 0) -> Trial:
    """Run `asv continuous` once: as it is, or with interleaved rounds where some are asked for."""
    _forget(repository)
    contender = repository.contender(task.share)
    options: list[str] = []
    if rounds:
        options = ["--interleave-rounds", "-a", f"rounds={rounds}"]
    start = time.monotonic()
    _asv(
        repository,
        *("continuous", BASE, contender, "--bench", f"^{re.escape(cell)}$"),
        *("--record-samples", *options),
    )
    seconds = time.monotonic() - start
    verdicts = {
        f"{task.tool}, {name}": FOUND if _slower(repository, contender, factor) else NOT_FOUND
        for factor, name in _FACTORS.items()
    }
    return Trial(task, cell, budget_s, seconds, verdicts, rounds=rounds)
