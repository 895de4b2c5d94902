"""`convbench power`: how often the gate, asv and pyperf find a slowdown that is known."""

import argparse
import contextlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from convbench.command_line.failure import CommandError
from convbench.command_line.suite_options import add_suite_options
from convbench.power.options import add_study_options
from convbench.suite.conditions import in_force, written
from convbench.suite.place import is_elsewhere
from convbench.suite.state import state_folder

if TYPE_CHECKING:
    from convbench.power.study import Study


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = commands.add_parser("power", help="measure what the gate, asv and pyperf find")
    add_study_options(parser)
    add_suite_options(parser)
    parser.add_argument("--show", type=Path, metavar="FILE", help="print a study, and end")
    parser.add_argument("--format", choices=("table", "markdown"), default="table")
    parser.add_argument("--figure", type=Path, help="with --show: an .svg, .png or .pdf file")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, console: Console) -> None:
    """Do what the command line asks for."""
    from convbench.files.outputs import check_outputs
    from convbench.power.alone import alone
    from convbench.power.study import file_of, study_of

    check_outputs({"--figure": args.figure}, inputs=filter(None, [args.show or args.output]))
    if args.show is None:
        config = _chosen(args)
        study = study_of(args, any_suite=args.environment is not None or is_elsewhere())
        folder = state_folder() / "power"
        args.output = file_of(args.output)
        with alone(folder):
            _try(study, args.output, folder, config, console)
    show(args.show or args.output, args.format, args.figure, console)


def _chosen(args: argparse.Namespace) -> Path | None:
    """Go where the suite is; return asv's configuration."""
    from convbench.building.configured import entered

    here = Path.cwd()
    config = entered(args.config)
    if here != Path.cwd():
        args.output = args.output and here / args.output
        args.figure = args.figure and here / args.figure
    return config


def show(path: Path, form: str, figure: Path | None, console: Console) -> None:
    """Print what the trials of a study say."""
    from convbench.power.figure import draw
    from convbench.power.gate_trial import NAME as GATE
    from convbench.power.rates import rates
    from convbench.power.replay import replayed
    from convbench.power.text import REPLAYED, caption, markdown, table
    from convbench.power.trials import read

    trials = read(path)
    if not trials:
        raise CommandError(f"{path} holds no trial")
    kinds = {(trial.cell, trial.budget_s, trial.settings) for trial in trials}
    if len(kinds) > 1:
        raise CommandError(
            f"{path} holds trials of several cells or budgets, or under several settings: "
            f"{sorted(kinds)}"
        )
    counted = rates(trials)
    again = replayed(trials)
    if again:
        counted = {GATE: counted.pop(GATE), REPLAYED: again, **counted}
    about = caption(*kinds.pop())
    if form == "markdown":
        print(f"{about}\n\n{markdown(counted)}", end="")
    else:
        console.print(about, markup=False, highlight=False)
        console.print(table(counted))
    if figure is not None:
        draw(counted, f"{trials[0].cell}, {trials[0].budget_s:.0f} s a trial", figure)


def _try(study: "Study", output: Path, folder: Path, config: Path | None, console: Console) -> None:
    """Try what has not been tried yet."""
    from convbench.command_line.progress import track
    from convbench.power.asking import of_any_suite, of_this_suite
    from convbench.power.study import lacking
    from convbench.power.trials import append

    trials, tasks = lacking(study, output)
    if not tasks:
        return
    with contextlib.ExitStack() as stack:
        if study.any_suite:
            act = stack.enter_context(of_any_suite(study, config, console))
        else:
            made = of_this_suite(study, tasks, trials, folder / "repository", console)
            act = stack.enter_context(made)
        titles = [task.title for task in tasks]
        for index, _ in track(titles, [study.budget_s] * len(tasks), console):
            made_now = act[tasks[index].tool](tasks[index])
            trials.append(replace(made_now, settings=written(in_force())))
            append(output, trials[-1])
