"""`convbench gate`: whether a commit made it slower."""

import argparse
import random
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from convbench.command_line.arguments import duration, share
from convbench.command_line.failure import BROKEN, MisuseError
from convbench.command_line.progress import Announce
from convbench.command_line.signals import interrupt_status
from convbench.command_line.suite_options import add_suite_options
from convbench.suite.place import is_elsewhere

if TYPE_CHECKING:
    from convbench.gate.asv_suite import AsvSuite
    from convbench.gate.campaign import Campaign
    from convbench.gate.install import Installed
    from convbench.gate.own_suite import OwnSuite
    from convbench.gate.report import Report

LEAST_BUDGET_S = 5.0


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    from convbench.stats.rules import Rules

    parser = commands.add_parser(
        "gate",
        help="say whether a commit made it slower",
        description="Exit status: 0 no slowdown, 1 slowdown, 2 misuse, 3 inconclusive or broken.",
    )
    parser.add_argument("base", metavar="BASE", help="commit to compare with")
    parser.add_argument("head", metavar="HEAD", nargs="?", help="default: the working tree")
    parser.add_argument(
        "--bench", metavar="REGEX", help="cells, as in asv (default: 8; all, of other suites)"
    )
    add_suite_options(parser)
    threshold = f"{Rules.threshold:.0%}"
    parser.add_argument(
        "--threshold",
        type=share,
        default=Rules.threshold,
        help=f"smaller slowdowns are not relevant (default: {threshold})".replace("%", "%%"),
    )
    parser.add_argument(
        "--budget", type=duration(LEAST_BUDGET_S), default=300.0, help="at most (default: 5m)"
    )
    parser.add_argument("--json", type=Path, metavar="F", help="write F, F.base and F.head there")
    parser.add_argument("--markdown", type=Path, metavar="F", help="write a comment for a request")
    parser.add_argument(
        "--instructions", action="store_true", help="count instructions, too (needs valgrind)"
    )
    parser.add_argument("--seed", type=int, help="of the order of everything (default: by lot)")
    parser.set_defaults(run=run, failure_status=BROKEN)


def run(args: argparse.Namespace, console: Console) -> int:
    """Do what the command line asks for and return the exit status."""
    from convbench.gate import fitness
    from convbench.gate.campaign import Campaign
    from convbench.gate.cells import compiled
    from convbench.gate.display import shown
    from convbench.gate.outcome import exit_status
    from convbench.gate.report import Report
    from convbench.stats.rules import Rules

    _check(args.json, args.markdown)
    here = Path.cwd()
    judged = _judged(args)
    # asv's configuration may be in another folder, which is the working directory now.
    moved = here != Path.cwd()
    json_file, markdown_file = (
        here / file if moved and file is not None else file for file in (args.json, args.markdown)
    )
    expression = compiled(judged.default_cells if args.bench is None else args.bench)
    seed = random.SystemRandom().randrange(2**32) if args.seed is None else args.seed
    campaign = Campaign(Rules(threshold=args.threshold), args.budget, seed)
    report = Report(campaign, *judged.revisions(args.base, args.head))
    _warn(report, [*judged.notes, *fitness.before()])
    reading, ended_by = fitness.read(), 0

    def tell(step: str) -> None:
        if judged.builds:  # which the budget is not for
            campaign.begin()
        announce(step)

    try:
        with (
            shown(campaign, console) as announce,
            judged.installed(report.base, report.head, tell) as sides,
        ):
            if judged.builds:
                campaign.begin()
            compare(campaign, sides, expression, announce)
            campaign.end()
            if args.instructions:
                announce("counting instructions, which takes minutes")
                _count(report, sides)
    except KeyboardInterrupt as interrupt:
        campaign.interrupted = not campaign.ended
        ended_by = interrupt_status(interrupt)
    campaign.end()
    _warn(report, fitness.after(reading, fitness.read()))
    _tell(report, json_file, markdown_file, console)
    return ended_by if campaign.interrupted else exit_status(campaign)


def _judged(args: argparse.Namespace) -> "OwnSuite | AsvSuite":
    """Return whose suite is judged: this repository's in its clone, else the one that is named."""
    if args.config is None and args.environment is None and not is_elsewhere():
        from convbench.gate.own_suite import OwnSuite

        return OwnSuite(Path.cwd())
    if args.instructions:
        raise MisuseError("--instructions counts cells of fftconv's own suite, and no others")
    from convbench.gate.asv_suite import open_suite

    return open_suite(args.config, args.environment)


def _check(json_file: Path | None, markdown_file: Path | None) -> None:
    """Refuse files that could not be written at the end."""
    from convbench.files.outputs import check_outputs
    from convbench.gate.files import pyperf_files

    check_outputs({"--json": json_file})
    beside = pyperf_files(json_file) if json_file is not None else ()
    names = {f"{path.name}, beside --json": path for path in beside}
    check_outputs({"--json": json_file, **names, "--markdown": markdown_file})


def compare(
    campaign: "Campaign", sides: "Installed", expression: "re.Pattern[str]", announce: Announce
) -> None:
    """Find the cells that `expression` names and measure them."""
    from convbench.gate.campaign import Row, catalogue, measure, start
    from convbench.gate.cells import both_sided, selected
    from convbench.stats.judging import Verdict

    dice = random.Random(campaign.seed)
    announce("finding the benchmarks")
    first = start(sides, sides.benchmarks.name, dice)
    try:
        listed = catalogue(first)
        for cell, only in selected(both_sided(listed["base"], listed["head"]), expression):
            row = Row(cell)
            if only is not None:
                row.verdict, row.note = Verdict.ONE_SIDED, f"{only} only"
            campaign.rows.append(row)
        measure(campaign, sides, first, announce)
    finally:
        first.end()


def _count(report: "Report", sides: "Installed") -> None:
    """Count both sides' instructions; what cannot be counted is said, and changes no verdict."""
    from convbench.instructions.compare import CountError
    from convbench.instructions.compare import compare as compare_instructions

    try:
        report.instructions = compare_instructions(sides.base, sides.head)
    except CountError as error:
        report.warnings.append(f"no instructions counted: {error}")
        print(f"convbench gate: {report.warnings[-1]}", file=sys.stderr)


def _warn(report: "Report", warnings: list[str]) -> None:
    for warning in warnings:
        print(f"convbench gate: {warning}", file=sys.stderr)
    report.warnings += warnings


def _tell(
    report: "Report", json_file: Path | None, markdown_file: Path | None, console: Console
) -> None:
    """Print the report and write the files that were asked for."""
    from convbench.files.atomic import replacing
    from convbench.gate.files import pyperf_files, write
    from convbench.gate.text import markdown, print_report

    print_report(report, console)
    if json_file is not None:
        write(report, json_file)
        beside = " and ".join(map(str, pyperf_files(json_file)))
        read = f"; pyperf reads {beside}" if beside else ""
        console.print(f"wrote {json_file}{read}", soft_wrap=True)
    if markdown_file is not None:
        with replacing(markdown_file) as temporary:
            temporary.write_text(markdown(report), encoding="utf-8")
