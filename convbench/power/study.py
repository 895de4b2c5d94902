"""What a study is of, and what of it is not tried yet."""

import argparse
from dataclasses import dataclass
from pathlib import Path

from convbench.command_line.failure import MisuseError
from convbench.files.destination import destination
from convbench.files.outputs import check_outputs
from convbench.power import pyperf_trial
from convbench.power.options import TOOLS
from convbench.power.trials import Task, Trial, plan, read
from convbench.suite.conditions import in_force, written
from convbench.suite.facts import POWER_CELL
from convbench.suite.state import state_folder

TRIALS = "trials.jsonl"
"""How a study's file is named where nothing else is said."""


@dataclass(frozen=True)
class Study:
    """What all its trials have in common, and which there are."""

    cell: str
    budget_s: float
    tools: tuple[str, ...]
    slowdowns: tuple[float, ...]
    repetitions: int
    seed: int
    any_suite: bool
    """Whether the slowdown is in the calls of a benchmark of anybody's."""
    environment: str | None = None
    """As asv's ``-E``; of any suite alone."""


def study_of(args: argparse.Namespace, *, any_suite: bool) -> Study:
    """Return the study that options ask for.

    Raises
    ------
    MisuseError
        There can be none of this suite.
    """
    tools = args.tools
    if any_suite:
        if args.cell is None:
            raise MisuseError("--cell names the cell, as the gate's table does")
        if tools not in (TOOLS, TOOLS[:1]):
            raise MisuseError("of another suite --tools can only try the gate")
        tools = TOOLS[:1]
        _check_cell(args.cell)
    cell = args.cell or POWER_CELL
    if not any_suite:
        pyperf_trial.pyperf_name(cell)  # refuses cells that the injection does not slow down
    return Study(
        cell,
        args.budget,
        tools,
        args.slowdowns,
        args.repetitions,
        args.seed,
        any_suite,
        args.environment,
    )


def file_of(given: Path | None) -> Path:
    """Return the file that holds a study, where none is named the clone's.

    Raises
    ------
    MisuseError
        It can be none that a study goes on in.
    """
    output = given or state_folder() / "power" / TRIALS
    check_outputs({"--output": output})
    if destination(output).special:
        raise MisuseError(f"--output {output} is no file, which a study could go on in")
    return output


def lacking(study: Study, output: Path) -> tuple[list[Trial], list[Task]]:
    """Return the trials that a file has, and what is to be tried to make it complete.

    Raises
    ------
    MisuseError
        The file is of another study.
    """
    trials = read(output) if output.exists() else []
    now = written(in_force())
    if any((t.cell, t.budget_s) != (study.cell, study.budget_s) for t in trials):
        raise MisuseError(f"{output} is of another cell or budget; name another --output")
    if any(t.settings != now for t in trials):
        raise MisuseError(
            f"{output} was made under other settings ({trials[0].settings or 'none'}) than "
            f"there are now ({now or 'none'}); name another --output"
        )
    done = {trial.task for trial in trials}
    tasks = plan(study.tools, study.slowdowns, study.repetitions, study.seed)
    return trials, [task for task in tasks if task not in done]


def _check_cell(cell: str) -> None:
    """Refuse a cell of any suite whose calls cannot be repeated from outside.

    Raises
    ------
    MisuseError
        It is no cell of a `time_` benchmark.
    """
    name = cell.partition("(")[0].rpartition(".")[2]
    if name.startswith("timeraw_"):
        raise MisuseError(f"--cell {cell}: each call is in a process that asv makes, out of reach")
