"""The command line of the judge: ``convbench COMMAND``, or ``python -m convbench COMMAND``."""

import argparse
import importlib
import sys
from pathlib import Path

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
    "convbench.layer.command",
    "convbench.instructions.command",
    "convbench.gate.command",
    "convbench.power.command",
    "convbench.repeat.command",
    "convbench.confirm.command",
    "convbench.backfill.command",
    "convbench.sweep.command",
)
# Those that judge any asv suite.
_ANY_SUITE = ("gate", "power", "repeat", "confirm", "sweep")
_BROKEN = 3


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m convbench", description="Measure, publish and read the benchmark suite."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in COMMANDS:
        importlib.import_module(name).add_parser(commands)
    return parser


def _import_from_the_right_folder() -> None:
    """Have this repository's benchmarks found in its clone, and nothing of another's folder.

    ``python -m`` looks in the working directory first: another project's may hold modules that are
    named as libraries of ours.
    """
    from convbench.suite.place import is_clone

    here = Path.cwd()
    if is_clone(here):
        sys.path.append(str(here))
    elif here != Path(__file__).parents[1]:
        sys.path[:] = [folder for folder in sys.path if folder not in ("", str(here))]


def _check_suite(args: argparse.Namespace) -> None:
    """Refuse what needs this repository's suite where there is another, or none.

    Nothing is made before: not in a folder that somebody came to by mistake.
    """
    from convbench.command_line.failure import MisuseError
    from convbench.suite.place import CONFIGURATIONS, has_suite, is_clone

    command, here = args.command, Path.cwd()
    named = any(getattr(args, name, None) is not None for name in ("config", "show"))
    found = is_clone(here) or any((here / name).is_file() for name in CONFIGURATIONS)
    if command in _ANY_SUITE and not (named or found):
        raise MisuseError(f"there is no asv.conf.json here, in {here}; --config names another")
    if command not in _ANY_SUITE and not has_suite():
        raise MisuseError(
            "it is of fftconv's own benchmarks, and runs in a clone of fftconv's repository; "
            f"any asv suite has {', '.join(_ANY_SUITE)}"
        )


class _SaidExit(SystemExit):
    """An end that argparse meant: it has said what was wrong, or printed what was asked for."""


def _parsed(parser: argparse.ArgumentParser) -> argparse.Namespace:
    try:
        return parser.parse_args()
    except SystemExit as end:
        raise _SaidExit(end.code) from None


def _run() -> int:
    _import_from_the_right_folder()
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
                _check_suite(args)
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
