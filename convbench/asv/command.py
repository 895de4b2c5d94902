"""Run asv as a user would, by its command line."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from convbench.command_line.failure import CommandError
from convbench.suite.state import state_folder

LOG = Path(".asv/report.log")
"""What asv said, in a clone of this repository."""

_FAILED_CELLS = 2  # asv's exit status when it ran, and some benchmark did not


class AsvError(CommandError):
    """An asv command failed as a whole; the message ends with what asv printed last."""


def asv(
    *arguments: str, settings: Mapping[str, str] | None = None, conf: Path | None = None
) -> None:
    """Run ``asv`` with `arguments`, its output appended to a log: `LOG`.

    Parameters
    ----------
    arguments
        What stands behind ``asv`` on a command line.
    settings
        Variables of the environment that are not as they are here.
    conf
        asv's configuration, if it is not the clone's.

    Raises
    ------
    AsvError
        asv failed. (Benchmarks that failed are no failure of asv's; their cells stay empty.)
    """
    configured = () if conf is None else ("--config", str(conf))
    log_file = state_folder() / LOG.name
    with alone() as lock, log_file.open("a", encoding="utf-8") as log:
        log.write(f"$ asv {' '.join(arguments)}\n")
        log.flush()
        start = log.tell()
        process = subprocess.Popen(
            [sys.executable, "-m", "asv", *configured, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(settings or {})},
            pass_fds=(lock,),  # held until asv has ended, even if this process is killed
        )
        with _no_orphan(process):
            status = process.wait()
    with log_file.open(encoding="utf-8") as log:
        log.seek(start)
        printed = [line.strip() for line in log if line.strip()]
    # The same status says that asv did not understand the command; then it prints its usage.
    misused = any(line.startswith("usage: asv") for line in printed)
    if misused or status not in (0, _FAILED_CELLS):
        last = printed[-5:]
        raise AsvError(f"asv {arguments[0]} failed ({log_file} has all of it): {' | '.join(last)}")


@contextmanager
def alone() -> Iterator[int]:
    """Wait until no other asv of this clone runs that was started here; give the lock's number.

    Two at once would disturb each other's times. Worse, they share one environment: the second
    would install its commit there while the first measures, and save results of another commit.
    """
    import fcntl  # which Windows has not; the commands that only read results work there

    folder = state_folder()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("waiting for another measurement of this clone to end", file=sys.stderr)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock.fileno()


@contextmanager
def _no_orphan(process: "subprocess.Popen[bytes]") -> Iterator[None]:
    """If the block is left early, end the process: by asking, and soon by force."""
    try:
        yield
    except BaseException:
        process.send_signal(signal.SIGINT)  # asv ends its own workers on it
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        raise
