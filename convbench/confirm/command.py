"""`convbench confirm`: measure again what asv's page of regressions would name."""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from convbench.command_line.arguments import add_machine, duration, pattern
from convbench.command_line.failure import MisuseError
from convbench.command_line.suite_options import add_suite_options
from convbench.confirm.steps import State

if TYPE_CHECKING:
    from convbench.confirm.steps import Judged

_LOG = "confirm.log"
PLUGIN = ".convbench.asv_plugin"
_SHOWN = 20


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "confirm",
        help="measure each step that the page of regressions would name again, by the gate",
        description="Both commits, that cell, side by side; then the ends of the histories that go "
        "up most, and their halves. The same command goes on where it was.",
    )
    parser.add_argument(
        "--budget", type=duration(30.0), default=600.0, help="measure for so long (default: 10m)"
    )
    parser.add_argument(
        "--bench",
        type=lambda text: pattern(text, within="(?:{})").pattern,
        default="",
        metavar="REGEX",
        help="only cells that it finds, as in asv",
    )
    parser.add_argument("--again", action="store_true", help="those that were decided, too")
    add_machine(parser)
    add_suite_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, console: Console) -> None:
    """Do what the command line asks for."""
    from convbench.asv.machines import machine_name
    from convbench.building.configured import entered, opened
    from convbench.building.sides import chosen_environment
    from convbench.measuring.chunks import report_chunks
    from convbench.results.store import load_benchmarks, machine_facts
    from convbench.suite.place import is_elsewhere

    name = entered(args.config)
    conf = opened(name)
    if is_elsewhere() and PLUGIN not in conf.plugins:
        raise MisuseError(f'what steps there are is said by "{PLUGIN}" in asv\'s `plugins`')
    if args.machine is not None:
        machine_facts(conf, args.machine)  # says which there are
    if args.bench and not report_chunks(load_benchmarks(conf), args.bench):
        raise MisuseError(f"--bench {args.bench!r} finds no cell of the suite")
    if args.environment is not None:
        chosen_environment(conf, args.environment)  # says if there is none
    machine = machine_name(args.machine)
    suite = [] if name is None else ["--config", str(name)]
    suite += [] if args.environment is None else ["--environment", args.environment]
    steps = confirm(
        machine, args.budget, console, bench=args.bench, again=args.again, name=name, suite=suite
    )
    print_steps(machine, steps, console)


def confirm(
    machine: str,
    budget_s: float,
    console: Console,
    *,
    bench: str = "",
    again: bool = False,
    name: Path | None = None,
    suite: Sequence[str] = (),
) -> "list[Judged]":
    """Publish and check the steps of this machine in turns while the budget lasts; return them.

    What was found is kept group by group.

    Parameters
    ----------
    machine
        Whose steps.
    budget_s
        What measuring may take.
    console
        Shows what is done.
    bench
        Finds the cells.
    again
        Whether to check what was decided, too.
    name
        asv's configuration, if it is not asv.conf.json.
    suite
        Options by which the gate is told whose suite it is.
    """
    from convbench.asv.command import asv
    from convbench.confirm.checking import all_checked
    from convbench.confirm.findings import add_findings, findings_file
    from convbench.confirm.steps import open_steps, read_steps
    from convbench.results.store import load_config
    from convbench.suite.state import state_folder

    conf = load_config() if name is None else load_config(name)
    html_dir, results_dir = Path(conf.html_dir), Path(conf.results_dir)
    log = state_folder() / _LOG
    end = time.monotonic() + budget_s
    asked: set[tuple[str, str, str, str]] = set()
    while True:
        with console.status("publishing"):
            asv("publish", conf=name)
        # What the gate finds of a history's ends says what it is to be asked next.
        steps = open_steps(html_dir, machine, bench, again=again)
        wanted = [step for step in steps if step.key not in asked]
        before = len(asked)
        with console.status(f"measuring {len(wanted)} steps again") as status:
            for own, findings in all_checked(wanted, end - time.monotonic(), log, suite):
                add_findings(findings_file(results_dir, machine), findings)
                asked.update(step.key for step in own)
                status.update(f"measured {len(asked) - before} of {len(wanted)} steps again")
        if len(asked) == before:
            return read_steps(html_dir)


def print_steps(machine: str, steps: "list[Judged]", console: Console) -> None:
    """Print what is known of a machine's steps, those that are confirmed first."""
    own = [found for found in steps if found.step.machine == machine]
    if not own:
        console.print(f"no history of {machine} steps up")
        return
    order = list(State)
    table = Table("cell", "commits", "step", "state", "what is known")
    ranked = sorted(own, key=lambda f: (order.index(f.state), -f.step.ratio))
    for found in ranked[:_SHOWN]:
        step = found.step
        commits = f"{step.before[:8]} to {step.after[:8]}"
        table.add_row(step.cell, commits, f"{step.ratio:.2f}x", found.state.value, found.note)
    console.print(table)
    counts = {state: sum(found.state is state for found in own) for state in order}
    console.print(
        f"{len(own)} steps of {machine}: "
        + ", ".join(f"{count} {state.value}" for state, count in counts.items() if count)
    )
