"""The command line of the judge: ``python -m convbench COMMAND``, from the root of a clone."""

import argparse
import importlib
import sys
from pathlib import Path

from rich.console import Console

from convbench.arguments import duration
from convbench.asv_command import AsvError
from convbench.failure import MisuseError
from convbench.store import StoreError, find_run, load_benchmarks, load_config, machine_facts

# A report is made in at most six minutes: half a minute is left for publishing.
BUDGET_S = 330.0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m convbench", description="Measure, publish and read the benchmark suite."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    report = commands.add_parser(
        "report", help="measure what HEAD lacks, publish, print the fastest methods"
    )
    report.add_argument("--machine", help="this machine's name in the results (default: its own)")
    report.add_argument("--again", action="store_true", help="measure what is there already, too")
    report.add_argument(
        "--budget",
        type=duration(1.0),
        default=BUDGET_S,
        help="measure for so long and leave the rest to the next call (default: 5.5m)",
    )

    commands.add_parser("readme", help="write the output of the README's commands into it")

    summary = commands.add_parser("summary", help="print the fastest methods of earlier results")
    chart = commands.add_parser("chart", help="draw time against filter size")
    for command in (summary, chart):
        command.add_argument("--machine", required=True, help="a machine in results/")
        command.add_argument("--commit", help="hash or its beginning (default: the newest)")
    chart.add_argument("--input", type=int, default=512, help="input size (default: 512)")
    chart.add_argument("--direction", choices=("forward", "backward"), default="forward")
    chart.add_argument("--output", type=Path, required=True, help="an .svg, .png or .pdf file")
    for name in ("crossover", "roofline", "profiling", "instructions", "gate", "power"):
        importlib.import_module(f"convbench.{name}.command").add_parser(commands)
    importlib.import_module("convbench.backfill").add_parser(commands)
    return parser


def _run(args: argparse.Namespace, console: Console) -> int | None:
    # Each command loads what it needs: report reaches into asv's machinery, chart into matplotlib.
    if args.command == "report":
        from convbench.report import report

        report(args.machine, console, again=args.again, budget_s=args.budget)
        return 0
    if args.command == "readme":
        from convbench.readme import refresh

        refresh(Path("README.md"))
        return 0
    if "run" in args:
        status: int | None = args.run(args, console)
        return status
    conf = load_config()
    run = find_run(conf, load_benchmarks(conf), args.machine, args.commit)
    if args.command == "summary":
        from convbench.report import print_results

        print_results(run, console)
    else:
        from convbench.chart import draw

        draw(run, machine_facts(conf, run.machine), args.direction, args.input, args.output)
    return 0


def main() -> int:
    """Run the command line and return its exit status: 0, 1 for a failure, 2 for misuse.

    A command may have others of its own.
    """
    args = _parser().parse_args()
    try:
        status = _run(args, Console())
    except MisuseError as error:
        print(f"convbench {args.command}: {error}", file=sys.stderr)
        return 2
    except (StoreError, AsvError) as error:
        print(f"convbench {args.command}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(
            "\ninterrupted; finished parts are kept, and the same command goes on from there",
            file=sys.stderr,
        )
        return 130
    return status or 0


if __name__ == "__main__":
    sys.exit(main())
