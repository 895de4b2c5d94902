"""`convbench power`: how often the gate, asv and pyperf find a slowdown that is known."""

import argparse
import contextlib
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from convbench.command_line.arguments import count, duration
from convbench.command_line.failure import CommandError, MisuseError
from convbench.command_line.suite_options import add_suite_options
from convbench.gate.command import LEAST_BUDGET_S
from convbench.suite.conditions import in_force, written
from convbench.suite.facts import POWER_CELL
from convbench.suite.place import is_elsewhere
from convbench.suite.state import state_folder

TOOLS = ("gate", "asv", "asv-interleaved", "pyperf")
SHARES = (0.0, 0.01, 0.02, 0.03, 0.05, 0.1)


def _tools(text: str) -> tuple[str, ...]:
    chosen = tuple(text.split(","))
    if not set(chosen) <= set(TOOLS):
        raise argparse.ArgumentTypeError(f"{text!r} is no list of {', '.join(TOOLS)}")
    return tuple(tool for tool in TOOLS if tool in chosen)


def _shares(text: str) -> tuple[float, ...]:
    try:
        percents = sorted({float(part) for part in text.split(",")})
    except ValueError:
        percents = [-1.0]
    if not all(0 <= percent <= 100 for percent in percents):
        raise argparse.ArgumentTypeError(f"{text!r} is no list of percents, such as 0,1,2.5")
    return tuple(percent / 100 for percent in percents)


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = commands.add_parser("power", help="measure what the gate, asv and pyperf find")
    parser.add_argument(
        "--repetitions", type=count("number from 1"), default=10, help="of each (default: 10)"
    )
    parser.add_argument(
        "--budget", type=duration(LEAST_BUDGET_S), default=120.0, help="a trial (default: 2m)"
    )
    parser.add_argument("--slowdowns", type=_shares, default=SHARES, help="percents, by commas")
    parser.add_argument("--tools", type=_tools, default=TOOLS, help=",".join(TOOLS))
    parser.add_argument("--cell", help=f"of conv2d.Forward (default: {POWER_CELL})")
    parser.add_argument("--seed", type=int, default=1, help="of the order of the trials")
    parser.add_argument(
        "--output", type=Path, help="file of trials (default: .asv/power/trials.jsonl)"
    )
    add_suite_options(parser)
    parser.add_argument("--show", type=Path, metavar="FILE", help="print a study, and end")
    parser.add_argument("--format", choices=("table", "markdown"), default="table")
    parser.add_argument("--figure", type=Path, help="with --show: an .svg, .png or .pdf file")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, console: Console) -> None:
    """Do what the command line asks for."""
    from convbench.files.destination import destination
    from convbench.files.outputs import check_outputs
    from convbench.power.alone import alone

    check_outputs({"--figure": args.figure}, inputs=filter(None, [args.show or args.output]))
    if args.show is None:
        config = _chosen(args)
        folder = state_folder() / "power"
        args.output = args.output or folder / "trials.jsonl"
        check_outputs({"--output": args.output})
        if destination(args.output).special:
            raise MisuseError(f"--output {args.output} is no file, which a study could go on in")
        with alone(folder):
            _study(args, folder, config, console)
    show(args.show or args.output, args.format, args.figure, console)


def _chosen(args: argparse.Namespace) -> Path | None:
    """Go where the suite is, and set what depends on whose it is; return asv's configuration."""
    from convbench.building.configured import entered

    here = Path.cwd()
    config = entered(args.config)
    if here != Path.cwd():
        args.output = args.output and here / args.output
        args.figure = args.figure and here / args.figure
    args.any_suite = args.environment is not None or is_elsewhere()
    if args.any_suite:
        if args.cell is None:
            raise MisuseError("--cell names the cell, as the gate's table does")
        if args.tools not in (TOOLS, TOOLS[:1]):
            raise MisuseError("of another suite --tools can only try the gate")
        args.tools = TOOLS[:1]
    args.cell = args.cell or POWER_CELL
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


def _study(args: argparse.Namespace, folder: Path, config: Path | None, console: Console) -> None:
    """Try what has not been tried yet."""
    from convbench.command_line.progress import track
    from convbench.power import pyperf_trial
    from convbench.power.asking import check_cell, of_any_suite, of_this_suite
    from convbench.power.trials import append, plan, read

    if args.any_suite:
        check_cell(args.cell)
    else:
        pyperf_trial.pyperf_name(args.cell)  # refuses cells that the injection does not slow down
    trials = read(args.output) if args.output.exists() else []
    now = written(in_force())
    if any((t.cell, t.budget_s) != (args.cell, args.budget) for t in trials):
        raise CommandError(f"{args.output} is of another cell or budget; name another --output")
    if any(t.settings != now for t in trials):
        raise CommandError(
            f"{args.output} was made under other settings ({trials[0].settings or 'none'}) than "
            f"there are now ({now or 'none'}); name another --output"
        )
    done = {trial.task for trial in trials}
    tasks = plan(args.tools, args.slowdowns, args.repetitions, args.seed)
    tasks = [task for task in tasks if task not in done]
    if not tasks:
        return
    with contextlib.ExitStack() as stack:
        if args.any_suite:
            act = stack.enter_context(of_any_suite(args, config, console))
        else:
            made = of_this_suite(args, tasks, trials, folder / "repository", console)
            act = stack.enter_context(made)
        titles = [f"{task.tool} at +{100 * task.share:g}%" for task in tasks]
        for index, _ in track(titles, [args.budget] * len(tasks), console):
            trials.append(replace(act[tasks[index].tool](tasks[index]), settings=now))
            append(args.output, trials[-1])
