"""The tools of a study, each ready to be asked: of this suite, or of any."""

import argparse
import contextlib
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from convbench.command_line.failure import MisuseError
from convbench.power.trials import Task, Trial

Tools = dict[str, Callable[[Task], Trial]]
GATE = "gate"


@contextlib.contextmanager
def of_this_suite(
    args: argparse.Namespace,
    tasks: Collection[Task],
    trials: Sequence[Trial],
    folder: Path,
    console: Console,
) -> Iterator[Tools]:
    """Make the repository with the slowdowns, and give what tries each tool on it."""
    from convbench.power import asv_trial, gate_trial, injection, pyperf_trial
    from convbench.power.sizing import fill

    with contextlib.ExitStack() as stack:
        with console.status("making the repository with the slowdowns"):
            repository = injection.make(Path.cwd(), folder.resolve(), args.slowdowns)
            sides = stack.enter_context(gate_trial.installations(repository, list(args.slowdowns)))
        if {"asv", "asv-interleaved"} & {task.tool for task in tasks}:
            with console.status("making asv's environment"):
                asv_trial.prepare(repository, args.cell)

        def interleaved(task: Task, rounds: int) -> Trial:
            return asv_trial.run(task, args.cell, args.budget, repository, rounds)

        def pyperf(task: Task, processes: int) -> Trial:
            return pyperf_trial.run(task, args.cell, args.budget, sides[task.share], processes)

        yield {
            GATE: lambda t: gate_trial.run(t, args.cell, args.budget, sides[t.share]),
            "asv": lambda t: asv_trial.run(t, args.cell, args.budget, repository),
            "asv-interleaved": lambda t: fill(interleaved, t, trials, args.budget),
            "pyperf": lambda t: fill(pyperf, t, trials, args.budget),
        }


@contextlib.contextmanager
def of_any_suite(
    args: argparse.Namespace, config: Path | None, console: Console
) -> Iterator[Tools]:
    """Build what is checked out twice, and give what tries the gate on it.

    The slowdown is in the benchmark: a share of HEAD's calls is made twice, and none of BASE's.
    """
    from convbench.gate.asv_suite import open_suite
    from convbench.power import gate_trial

    suite = open_suite(config, args.environment)
    same, _ = suite.revisions("HEAD", "HEAD")
    with contextlib.ExitStack() as stack:
        with console.status("building HEAD twice"):
            sides = stack.enter_context(suite.installed(same, same, lambda _: None))

        def gate(task: Task) -> Trial:
            return gate_trial.run(task, args.cell, args.budget, replace(sides, repeated=task.share))

        yield {GATE: gate}


def check_cell(cell: str) -> None:
    """Refuse a cell of any suite whose calls cannot be repeated from outside.

    Raises
    ------
    MisuseError
        It is no cell of a `time_` benchmark.
    """
    name = cell.partition("(")[0].rpartition(".")[2]
    if name.startswith("timeraw_"):
        raise MisuseError(f"--cell {cell}: each call is in a process that asv makes, out of reach")
