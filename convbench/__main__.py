"""The command line of the judge: ``python -m convbench COMMAND``, from the root of a clone."""

import argparse
import importlib
import sys

# Only what cannot fail is imported before `main`: Python itself ends with 1 where an import fails,
# which is a verdict of the gate's.

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
    "convbench.repeat.command",
    "convbench.confirm.command",
    "convbench.backfill.command",
    "convbench.sweep.command",
)
_BROKEN = 3


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m convbench", description="Measure, publish and read the benchmark suite."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in COMMANDS:
        importlib.import_module(name).add_parser(commands)
    return parser


class _SaidExit(SystemExit):
    """An end that argparse meant: it has said what was wrong, or printed what was asked for."""


def _parsed(parser: argparse.ArgumentParser) -> argparse.Namespace:
    try:
        return parser.parse_args()
    except SystemExit as end:
        raise _SaidExit(end.code) from None


def _run() -> int:
    from convbench.command_line.console import made_console
    from convbench.command_line.ending import ending
    from convbench.command_line.failure import BROKEN, FAILED
    from convbench.command_line.signals import interrupted_by_signals
    from convbench.command_line.streams import lasting_streams
    from convbench.repository.environment import leave_callers_repository

    name, failure_status = "convbench", BROKEN
    try:
        with interrupted_by_signals(), lasting_streams():
            leave_callers_repository()
            args = _parsed(_parser())
            name = f"convbench {args.command}"
            failure_status = getattr(args, "failure_status", FAILED)
            try:
                status: int | None = args.run(args, made_console())
            except BaseException as error:
                return ending(error, name, failure_status)
            return status or 0
    except _SaidExit:
        raise
    except BaseException as error:
        return ending(error, name, failure_status)


def main() -> int:
    """Run the command line and return its exit status.

    That is 0, 1 for a failure, 2 for misuse, 3 where it broke, 130 where it was interrupted. A
    command may have others of its own: the gate's 1 is a verdict, and its failures are 3.
    """
    try:
        return _run()
    except _SaidExit:
        raise
    except BaseException as error:
        # Not even the above could be loaded, or could say what happened.
        try:
            print(f"convbench: {type(error).__name__}: {error}", file=sys.stderr)
        except BaseException:
            return _BROKEN
        return _BROKEN


if __name__ == "__main__":
    sys.exit(main())
