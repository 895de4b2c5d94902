"""What a command's end is as an exit status and a line."""

import sys
import traceback

from convbench.command_line.failure import BROKEN, FAILED, MISUSED, CommandError, MisuseError
from convbench.command_line.signals import interrupt_status


def _line(error: BaseException) -> str:
    """Say what happened in a line."""
    if isinstance(error, MemoryError):
        return "there was not enough memory"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    if isinstance(error, ModuleNotFoundError):
        return f"{error}; `pip install 'fftconv[bench]'` (`make setup` in a clone) installs it"
    if isinstance(error, SystemExit):
        return f"something ended it ({error.code})"
    return str(error) or type(error).__name__


def _lacks_package(error: BaseException) -> bool:
    """Whether a package of other people is not installed."""
    missing = error.name if isinstance(error, ModuleNotFoundError) else None
    return missing is not None and missing.split(".")[0] not in ("convbench", "benchmarks")


def ending(error: BaseException, name: str, failure_status: int = FAILED) -> int:
    """Say on standard error how a command ended that raised `error`; return its exit status.

    `failure_status` is the command's own for what was foreseen, or is the machine's.
    """
    if isinstance(error, KeyboardInterrupt):
        print(
            "\ninterrupted; finished parts are kept, and the same command goes on from there",
            file=sys.stderr,
        )
        return interrupt_status(error)
    if isinstance(error, (CommandError, OSError, MemoryError)) or _lacks_package(error):
        print(f"{name}: {_line(error)}", file=sys.stderr)
        return MISUSED if isinstance(error, MisuseError) else failure_status
    # A mistake of ours: its place is what helps.
    traceback.print_exception(error)
    print(f"{name}: broke: {_line(error)}", file=sys.stderr)
    return BROKEN
