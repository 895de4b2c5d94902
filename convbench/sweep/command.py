"""`convbench sweep`: a history over many commits and machines, by a dask cluster."""

import argparse
import os
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from convbench.command_line.arguments import count, machine, pattern
from convbench.command_line.failure import CommandError, MisuseError
from convbench.command_line.suite_options import add_suite_options
from convbench.power.options import DEFAULTS, add_study_options

if TYPE_CHECKING:
    from asv.config import Config

    from convbench.sweep.dealing import Dealer
    from convbench.sweep.hosts import Kind
    from convbench.sweep.saving import Saved
    from convbench.sweep.suite import Suite

    _Plan = Callable[[list[Kind], Dealer], Saved[Any]]

_LAST = 10


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "sweep",
        help="measure commits on the hosts of a dask cluster",
        description="What a machine has results of is not measured again: the same command goes "
        "on where it was.",
    )
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--scheduler", metavar="ADDRESS", help="dask's, such as tcp://head:8786")
    where.add_argument(
        "--local",
        type=count("number of workers: 1 or more"),
        metavar="N",
        help="N workers on this host, which take turns",
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--commits",
        metavar="RANGE",
        help=f"as git understands it, main..HEAD say (default: the last {_LAST})",
    )
    what.add_argument(
        "--confirm", action="store_true", help="instead, the steps that `confirm` would measure"
    )
    what.add_argument(
        "--power", action="store_true", help="instead, the trials that `power` would make"
    )
    parser.add_argument(
        "--bench",
        type=lambda text: pattern(text, within="(?:{})").pattern,
        metavar="REGEX",
        help="only cells that asv finds by it (default: what the report measures)",
    )
    parser.add_argument(
        "--machine",
        type=machine,
        help="the machine's name in the results, where all hosts are of one kind",
    )
    parser.add_argument(
        "--environments",
        type=Path,
        metavar="FOLDER",
        help="of asv's environments on every host, to keep and use again (default: with --local "
        "this clone's, else new ones)",
    )
    add_suite_options(parser)
    add_study_options(parser.add_argument_group("with --power"))
    # So that it is known whether one was given.
    parser.set_defaults(**dict.fromkeys(DEFAULTS), run=run)


def run(args: argparse.Namespace, console: Console) -> None:
    """Do what the command line asks for.

    Raises
    ------
    MisuseError
        What is asked for cannot be, or distributed is not installed.
    """
    try:
        import distributed  # noqa: F401  # dask's, and an extra of the package
    except ModuleNotFoundError as error:
        raise MisuseError(f"{error}; pip install -e '.[bench,dask]' installs it") from None
    from convbench.repository.commits import commits_in, last_commits

    _check(args)
    suite = _opened(args)
    if args.power:
        _study(args, suite, console)
        return
    if args.confirm:
        commits = _published_commits(suite, console)
    elif args.commits is not None:
        commits = commits_in(suite.root, args.commits)
    else:
        commits = last_commits(_LAST)

    def plan(found: "list[Kind]", dealer: "Dealer") -> "Saved[Any]":
        return _history(args, suite, commits, found, dealer, console)

    failures = _sweep(args, suite, commits, plan, console)
    _publish(suite, console)
    _end(failures)


def _opened(args: argparse.Namespace) -> "Suite":
    """Go where the suite is, and refuse what cannot be swept of it."""
    from convbench.confirm.command import PLUGIN
    from convbench.sweep.suite import open_suite

    here = Path.cwd()
    suite = open_suite(args.config, args.environment)
    args.output = args.output and here / args.output
    if args.confirm and PLUGIN not in suite.conf.plugins:
        raise MisuseError(f'what steps there are is said by "{PLUGIN}" in asv\'s `plugins`')
    if not args.confirm and not args.power:
        suite.check_environment()
    return suite


def _check(args: argparse.Namespace) -> None:
    """Refuse options of the one kind of sweep with the other."""
    given = [name for name in DEFAULTS if getattr(args, name) is not None]
    if given and not args.power:
        raise MisuseError(f"--{given[0]} is of --power")
    if args.power and args.bench is not None:
        raise MisuseError("--bench chooses no trials: with --power it is --cell")


def _study(args: argparse.Namespace, suite: "Suite", console: Console) -> None:
    """Have the trials made that a study lacks, and print it."""
    from convbench.power.alone import alone
    from convbench.power.command import show
    from convbench.power.study import file_of, lacking, study_of
    from convbench.suite.state import state_folder
    from convbench.sweep.studying import Trials

    for name, default in DEFAULTS.items():
        if getattr(args, name) is None:
            setattr(args, name, default)
    study, output = (
        study_of(args, any_suite=not suite.own or suite.environment is not None),
        file_of(args.output),
    )
    failures: dict[str, str] = {}
    # The clone's own study would try the same.
    with alone(state_folder() / "power"):
        _, tasks = lacking(study, output)

        def plan(found: "list[Kind]", _: "Dealer") -> "Saved[Any]":
            return Trials(found, study, tasks, output)

        if tasks:
            failures = _sweep(args, suite, [], plan, console)
    if output.exists():
        show(output, "table", None, console)
    _end(failures)


def _sweep(
    args: argparse.Namespace, suite: "Suite", commits: list[str], plan: "_Plan", console: Console
) -> dict[str, str]:
    """Have everything done that is planned; return what went wrong."""
    from convbench.asv.command import alone
    from convbench.building.source import asvs_folders
    from convbench.sweep.bundle import bundled
    from convbench.sweep.cluster import looked, opened, site
    from convbench.sweep.dealing import Dealer
    from convbench.sweep.hosts import kinds
    from convbench.sweep.saving import run as run_plan

    local = args.local is not None
    environments = _environments(args.environments, suite.conf, local=local)
    with console.status("packing the repository"):
        bundle = bundled(suite.root, commits, asvs_folders(suite.conf, suite.root))
    # Workers on this host may share this clone's environments, as its own commands do.
    held = alone() if local else nullcontext()
    with held, opened(args.scheduler, args.local) as client:
        if client.dashboard_link:
            console.print(f"dask's dashboard: {client.dashboard_link}", highlight=False)
        with site(client, bundle, _settings(), environments, suite.place) as there:
            found = kinds(looked(there, console), args.machine, suite.conf)
            _print_kinds(found, console)
            dealer = Dealer(there, console)
            planned = plan(found, dealer)
            places = max(1, sum(map(len, there.places().values())))
            return run_plan(planned, dealer, places, local, console)


def _end(failures: dict[str, str]) -> None:
    if failures:
        raise CommandError("; ".join(f"{of}: {said}" for of, said in failures.items()))


def _environments(given: Path | None, conf: "Config", *, local: bool) -> Path | None:
    """Return the folder that every host keeps asv's environments in, if there is one."""
    from convbench.files.outputs import check_folder

    if local:
        check_folder("--environments", given)
        return (given or Path(conf.env_dir)).resolve()
    if given is not None and not given.is_absolute():
        raise MisuseError(f"--environments {given} is on other hosts, so it has to be absolute")
    return given


def _history(
    args: argparse.Namespace,
    suite: "Suite",
    commits: list[str],
    found: "list[Kind]",
    dealer: "Dealer",
    console: Console,
) -> "Saved[Any]":
    """Plan what the histories of the machines lack."""
    from convbench.sweep.commits import Commits, discovery, keep_discovered
    from convbench.sweep.confirming import Confirmation

    if args.confirm:
        confirmation = Confirmation(suite.conf, found, args.bench)
        if not confirmation.parts:
            console.print("no step of these machines is left to check")
        return confirmation
    with console.status("finding the benchmarks on a host"):
        ((_, discovered),) = dealer.deal([discovery(found)])
    keep_discovered(discovered, suite.conf)
    return Commits(suite, found, commits, args.bench, console)


def _published_commits(suite: "Suite", console: Console) -> list[str]:
    """Publish, and return both commits of every step that was found."""
    from convbench.asv.command import asv
    from convbench.confirm.steps import read_steps

    with console.status("publishing"):
        asv("publish", conf=suite.name)
    steps = [found.step for found in read_steps(Path(suite.conf.html_dir))]
    return [commit for step in steps for commit in (step.before, step.after)]


def _settings() -> dict[str, str]:
    """Return the variables under which is measured, and those that say how patiently."""
    from convbench.suite.conditions import BUDGET_VARIABLE, PATIENCE_VARIABLE, in_force

    pace = {n: os.environ[n] for n in (BUDGET_VARIABLE, PATIENCE_VARIABLE) if n in os.environ}
    return {**in_force(), **pace}


def _print_kinds(found: "list[Kind]", console: Console) -> None:
    for one in found:
        hosts = ", ".join(one.hosts)
        console.print(
            f"{one.machine}: {one.resource} ({hosts})",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )


def _publish(suite: "Suite", console: Console) -> None:
    from convbench.asv.command import asv

    with console.status("publishing"):
        asv("publish", conf=suite.name)
    console.print(f"report: {suite.conf.html_dir}/index.html (make preview serves and opens it)")
