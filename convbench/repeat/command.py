"""`convbench repeat`: whether the numbers of one commit come again in a run of their own."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from convbench.command_line.arguments import add_machine, count, pattern, share
from convbench.command_line.failure import MisuseError
from convbench.command_line.suite_options import add_suite_options
from convbench.suite.place import is_elsewhere

if TYPE_CHECKING:
    from convbench.repeat.samples import Sample

DEFAULT_BENCH = r"^conv2d\.(Forward|Backward)\."
_ANY_TIME = r"(^|\.)time(raw)?_"


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "repeat", help="measure HEAD several times over and say how far its numbers come again"
    )
    parser.add_argument(
        "--runs", type=count("number of runs: 1 or more"), default=2, help="in all (default: 2)"
    )
    parser.add_argument(
        "--bench",
        type=lambda text: pattern(text, within="(?:{})").pattern,
        metavar="REGEX",
        help="timed cells, as in asv (default: the grid in float32; all, of other suites)",
    )
    parser.add_argument("--output", type=Path, metavar="F.jsonl", help="add each run to this file")
    parser.add_argument("--show", type=Path, metavar="F.jsonl", help="print a file and end")
    parser.add_argument(
        "--burn", type=share, default=0.0, help="of a core, burnt beside every second run, as 50%%"
    )
    add_machine(parser)
    add_suite_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, console: Console) -> None:
    """Do what the command line asks for."""
    from convbench.building.configured import entered
    from convbench.files.destination import destination
    from convbench.files.outputs import check_outputs
    from convbench.repeat.samples import read_samples
    from convbench.repeat.text import print_study

    check_outputs({"--output": args.output})
    if args.output is not None and destination(args.output).special:
        raise MisuseError(f"--output {args.output} is no file, which a study could go on in")
    if args.show is not None:
        shown = read_samples(args.show)
        if not shown:
            raise MisuseError(f"--show {args.show} holds no run")
        print_study(shown, console)
        return
    here = Path.cwd()
    config = entered(args.config)
    if here != Path.cwd() and args.output is not None:
        args.output = here / args.output
    print_study(_measured(args, console, config), console)


def _commit(config: Path | None, environment: str | None) -> str:
    """Return what is checked out, of the project that the suite measures."""
    from convbench.repository.commits import commit_named

    if not is_elsewhere():
        return commit_named(Path.cwd(), "HEAD")
    from asv.environment import ExistingEnvironment

    from convbench.building.configured import opened
    from convbench.building.sides import chosen_environment
    from convbench.building.source import commit_of, project_repository

    conf = opened(config)
    if isinstance(chosen_environment(conf, environment)[0], ExistingEnvironment):
        raise MisuseError("asv measures a commit in an environment of its own, in no existing one")
    return commit_of(project_repository(conf), "HEAD")


def _measured(args: argparse.Namespace, console: Console, config: Path | None) -> "list[Sample]":
    """Measure the runs that the file lacks of this commit, and return all of its samples."""
    from convbench.asv.machines import machine_name
    from convbench.measuring.measure import discover
    from convbench.repeat.measuring import Study, run_again
    from convbench.repeat.samples import append_samples, read_samples
    from convbench.suite.conditions import kept_apart, written
    from convbench.suite.state import state_folder

    commit = _commit(config, args.environment)
    machine = machine_name(args.machine)
    discover(machine, commit, config, args.environment)
    known = [] if args.output is None or not args.output.exists() else read_samples(args.output)
    setting = written(kept_apart())
    own = [s for s in known if (s.commit, s.machine, s.settings) == (commit, machine, setting)]
    done = {s.run for s in own}
    folder = state_folder() / "repeat" / machine / commit[:8]
    bench = args.bench or (_ANY_TIME if is_elsewhere() else DEFAULT_BENCH)
    study = Study(folder, machine, commit, bench, config or Path("asv.conf.json"), args.environment)
    if not study.chunks():
        raise MisuseError(f"--bench {bench!r} finds no timed cell")
    for number in range(1, args.runs + 1):
        if number in done:
            continue
        burnt = args.burn if number % 2 == 0 else 0.0
        samples = run_again(study, number, burnt, console)
        own += samples
        if args.output is not None:
            append_samples(args.output, samples)
    return own
