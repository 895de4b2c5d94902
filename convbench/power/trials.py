"""Trials on disk: a line each, appended whole as soon as it is done, so that a study can go on."""

import errno
import json
import os
import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from convbench.command_line.failure import CommandError

VERSION = 1


@dataclass(frozen=True)
class Task:
    """What is to be tried."""

    tool: str
    share: float
    """The injected slowdown: 0.03 for 3%."""
    repetition: int

    @property
    def title(self) -> str:
        """What it is, for a reader."""
        return f"{self.tool} at +{100 * self.share:g}%"


@dataclass(frozen=True)
class Trial:
    """One tool's answers about one slowdown."""

    task: Task
    cell: str
    budget_s: float
    seconds: float
    """What it took."""
    verdicts: dict[str, str]
    """Way of asking (the tool with some options) to what it said: `FOUND`, or something else."""
    pairs: tuple[float, ...] = ()
    """The gate's log-ratios, one a pair of processes."""
    pair_s: tuple[float, ...] = ()
    rounds: int = 0
    """What the other tools are told to do so that they fill the budget."""
    start_s: float = 0.0
    """What a trial was expected to take besides its rounds when their number was chosen."""
    round_s: float = 0.0
    """What each round was expected to take; 0 where nothing was."""
    settings: str = ""
    """Variables that were set meanwhile, and may change a time."""


FOUND = "slowdown"
NOT_FOUND = "no slowdown"


def plan(tools: Sequence[str], shares: Sequence[float], repetitions: int, seed: int) -> list[Task]:
    """Return every task, repetition by repetition, in random order within each.

    A study that is stopped early has tried everything about as often, and whatever else happens
    on the machine meets all tools alike.
    """
    dice = random.Random(seed)
    tasks = []
    for repetition in range(repetitions):
        of_one = [Task(tool, share, repetition) for tool in tools for share in shares]
        dice.shuffle(of_one)
        tasks += of_one
    return tasks


def append(path: Path, trial: Trial) -> None:
    """Add one line: by one write, so that a kill leaves a whole line or none.

    Raises
    ------
    OSError
        There is no space left for it; the file is what it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    line = (json.dumps({"version": VERSION, **asdict(trial)}) + "\n").encode()
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        before = os.fstat(descriptor).st_size
        if os.write(descriptor, line) < len(line):
            os.ftruncate(descriptor, before)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _trial(fields: Any) -> Trial:
    if not isinstance(fields, dict) or fields.pop("version") != VERSION:
        raise ValueError("not of this version")
    fields["task"] = Task(**fields["task"])
    fields["pairs"], fields["pair_s"] = tuple(fields["pairs"]), tuple(fields["pair_s"])
    return Trial(**fields)


def read(path: Path) -> list[Trial]:
    """Return the trials of a study.

    Raises
    ------
    CommandError
        A line is no trial; with its number.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise CommandError(f"{path} is no study: {error}") from error
    return [_parsed(path, number, line) for number, line in enumerate(lines, start=1)]


def _parsed(path: Path, number: int, line: str) -> Trial:
    try:
        return _trial(json.loads(line))
    except (ValueError, TypeError, KeyError) as error:
        raise CommandError(f"{path}, line {number}, is no trial of a study ({error})") from error
