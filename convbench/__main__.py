"""The command line of the judge: ``python -m convbench COMMAND``, from the root of a clone."""

import argparse
import importlib
import sys

from rich.console import Console

from convbench.command_line.failure import CommandError, MisuseError
from convbench.repository.environment import leave_callers_repository

# In the order of the help. Each has `add_parser(commands)` and `run(args, console)`, and loads what
# takes long to load when it runs.
COMMANDS = (
    "convbench.report.command",
    "convbench.report.readme",
    "convbench.report.summary",
    "convbench.report.chart",
    "convbench.report.crossover.command",
    "convbench.report.roofline.command",
    "convbench.profiling.command",
    "convbench.instructions.command",
    "convbench.gate.command",
    "convbench.power.command",
    "convbench.backfill.command",
)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m convbench", description="Measure, publish and read the benchmark suite."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in COMMANDS:
        importlib.import_module(name).add_parser(commands)
    return parser


def main() -> int:
    """Run the command line and return its exit status: 0, 1 for a failure, 2 for misuse.

    A command may have others of its own.
    """
    leave_callers_repository()
    args = _parser().parse_args()
    try:
        status: int | None = args.run(args, Console())
    except CommandError as error:
        print(f"convbench {args.command}: {error}", file=sys.stderr)
        return 2 if isinstance(error, MisuseError) else 1
    except KeyboardInterrupt:
        print(
            "\ninterrupted; finished parts are kept, and the same command goes on from there",
            file=sys.stderr,
        )
        return 130
    return status or 0


if __name__ == "__main__":
    sys.exit(main())
