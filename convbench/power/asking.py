"""The tools of a study, each ready to be asked: of this suite, or of any."""

import contextlib
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from convbench.power.study import Study
from convbench.power.trials import Task, Trial

Tools = dict[str, Callable[[Task], Trial]]
GATE = "gate"


@contextlib.contextmanager
def of_this_suite(
    study: Study,
    tasks: Collection[Task],
    trials: Sequence[Trial],
    folder: Path,
    console: Console,
    environments: Path | None = None,
) -> Iterator[Tools]:
    """Make the repository with the slowdowns, and give what tries each tool on it.

    asv's environments are in a folder beside the repository, if none is named.
    """
    from convbench.power import asv_trial, gate_trial, injection, pyperf_trial
    from convbench.power.sizing import fill

    with contextlib.ExitStack() as stack:
        with console.status("making the repository with the slowdowns"):
            repository = injection.make(Path.cwd(), folder.resolve(), study.slowdowns, environments)
            sides = stack.enter_context(gate_trial.installations(repository, list(study.slowdowns)))
        if {"asv", "asv-interleaved"} & {task.tool for task in tasks}:
            with console.status("making asv's environment"):
                asv_trial.prepare(repository, study.cell)

        def interleaved(task: Task, rounds: int) -> Trial:
            return asv_trial.run(task, study.cell, study.budget_s, repository, rounds)

        def pyperf(task: Task, processes: int) -> Trial:
            return pyperf_trial.run(task, study.cell, study.budget_s, sides[task.share], processes)

        yield {
            GATE: lambda t: gate_trial.run(t, study.cell, study.budget_s, sides[t.share]),
            "asv": lambda t: asv_trial.run(t, study.cell, study.budget_s, repository),
            "asv-interleaved": lambda t: fill(interleaved, t, trials, study.budget_s),
            "pyperf": lambda t: fill(pyperf, t, trials, study.budget_s),
        }


@contextlib.contextmanager
def of_any_suite(study: Study, config: Path | None, console: Console) -> Iterator[Tools]:
    """Build what is checked out twice, and give what tries the gate on it.

    The slowdown is in the benchmark: a share of HEAD's calls is made twice, and none of BASE's.
    """
    from convbench.gate.asv_suite import open_suite
    from convbench.power import gate_trial

    suite = open_suite(config, study.environment)
    same, _ = suite.revisions("HEAD", "HEAD")
    with contextlib.ExitStack() as stack:
        with console.status("building HEAD twice"):
            sides = stack.enter_context(suite.installed(same, same, lambda _: None))

        def gate(task: Task) -> Trial:
            return gate_trial.run(
                task, study.cell, study.budget_s, replace(sides, repeated=task.share)
            )

        yield {GATE: gate}
