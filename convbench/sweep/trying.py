"""One trial of a power study, in a worker's checkout: both sides of it are on this host."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
from rich.console import Console

from convbench.asv.command import alone
from convbench.power.asking import Tools, of_any_suite, of_this_suite
from convbench.power.study import TRIALS, Study
from convbench.power.trials import Task, Trial, append, read
from convbench.suite.conditions import in_force, written
from convbench.suite.state import state_folder


@dataclass(frozen=True)
class Asked:
    """What an item is to try."""

    study: Study
    task: Task


def attempt(asked: str, folder: Path, config: Path | None, environments: Path | None) -> None:
    """Make a trial, and leave it in a folder as a study of its own.

    The trials of this checkout are kept in it, too: by them the tools that do not end by the clock
    know how much they can do on this host within the budget.
    """
    wanted = msgspec.json.decode(asked, type=Asked)
    task = wanted.task
    # The commits of the other slowdowns need not be installed.
    study = replace(wanted.study, slowdowns=(task.share,))
    known = state_folder() / "power" / TRIALS
    trials = read(known) if known.exists() else []
    with alone(), _tools(study, task, trials, config, environments) as tools:
        made = replace(tools[task.tool](task), settings=written(in_force()))
    append(known, made)
    append(folder / TRIALS, made)


@contextmanager
def _tools(
    study: Study,
    task: Task,
    trials: Sequence[Trial],
    config: Path | None,
    environments: Path | None,
) -> Iterator[Tools]:
    console = Console(quiet=True)
    if study.any_suite:
        with of_any_suite(study, config, console) as tools:
            yield tools
        return
    repository = state_folder() / "power" / "repository"
    with of_this_suite(study, [task], trials, repository, console, environments) as tools:
        yield tools
