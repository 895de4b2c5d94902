"""What asv says where it refuses or fails, as one line."""

import contextlib
import logging
from collections.abc import Iterator

from convbench.command_line.failure import CommandError, MisuseError


def _line(text: str, which: int) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[which] if lines else "it said nothing"


class _Listener(logging.Handler):
    """Keep what is logged."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one message."""
        self.said.append(record.getMessage())


@contextlib.contextmanager
def heard() -> Iterator[list[str]]:
    """Give the list of what asv logs as warnings and errors in the block; nothing is printed.

    It logs to the root, many lines for a command that fails; and where nobody listens there,
    Python prints them.
    """
    listener = _Listener()
    logging.getLogger().addHandler(listener)
    try:
        yield listener.said
    finally:
        logging.getLogger().removeHandler(listener)


@contextlib.contextmanager
def refused(what: str) -> Iterator[None]:
    """Turn what asv raises for a configuration into a line.

    asv checks little of it: what is of a wrong type fails where it is used.
    """
    from asv.environment import EnvironmentUnavailable
    from asv.util import UserError

    try:
        with heard():
            yield
    except (
        *(UserError, EnvironmentUnavailable, ImportError),
        *(AttributeError, KeyError, RuntimeError, TypeError, ValueError),
    ) as error:
        raise MisuseError(f"{what}: {_line(str(error) or type(error).__name__, 0)}") from None


@contextlib.contextmanager
def failed(what: str) -> Iterator[None]:
    """Turn what asv raises where it clones, builds or installs into a line: the last that was said.

    Raises
    ------
    MisuseError
        A command of the configuration failed on what it was to build.
    CommandError
        A program is not there.
    """
    from asv.environment import EnvironmentUnavailable
    from asv.util import ProcessError, UserError

    try:
        with heard():
            yield
    except ProcessError as error:
        said = f"{error.stdout or ''}\n{error.stderr or ''}"
        command = " ".join(map(str, error.args[:6]))
        raise MisuseError(f"{what}: {_line(said, -1)} (`{command} ...` failed)") from None
    except (UserError, EnvironmentUnavailable) as error:
        raise MisuseError(f"{what}: {_line(str(error), 0)}") from None
    except OSError as error:
        raise CommandError(f"{what}: {_line(str(error), 0)}") from None
