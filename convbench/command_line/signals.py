"""End as by Ctrl-C where others end us, so that what was begun is cleaned up."""

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType

# What a terminal sends that is closed, and what CI, containers and schedulers send.
_ENDING = tuple(getattr(signal, name) for name in ("SIGHUP", "SIGTERM") if hasattr(signal, name))


class Terminated(KeyboardInterrupt):
    """A signal asked this process to end."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def interrupt_status(interrupt: KeyboardInterrupt) -> int:
    """Return the exit status by which shells know a process that a signal ended."""
    number = interrupt.number if isinstance(interrupt, Terminated) else signal.SIGINT
    return 128 + int(number)


def _end(number: int, _frame: FrameType | None) -> None:
    raise Terminated(number)


@contextlib.contextmanager
def interrupted_by_signals() -> Iterator[None]:
    """Raise `Terminated` in the block when a signal asks for an end, unless it was ignored."""
    before = {number: signal.getsignal(number) for number in _ENDING}
    taken = [number for number, handler in before.items() if handler is signal.SIG_DFL]
    for number in taken:
        signal.signal(number, _end)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, before[number])
