"""Have asv's fork server sleep until the cell that it forked has ended.

asv (0.6.6) asks a thousand times a second whether its child has ended. Each time takes one of the
cores from the child for some dozen microseconds: where all cores work together, the others wait. On
two cores a call of 512x512 with 3x3 took a half longer for it.
"""

import os
import select
import signal
import sys
import time
from typing import Any

# asv's own timeout is looked at so often while no child ends.
_ASK_EVERY_S = 0.25
_SERVER = "asv_runner.server"
_ROLE = "run_server"


class PatientClock:
    """The module `time` as asv's fork server sees it: its sleep ends when a child does."""

    def __init__(self) -> None:
        self._wakes, told = os.pipe()
        for end in (self._wakes, told):
            os.set_blocking(end, False)
        # A handler that does nothing, so that the kernel tells of ended children at all.
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(told, warn_on_full_buffer=False)
        os.register_at_fork(after_in_child=_as_before)

    def sleep(self, _seconds: float) -> None:
        """Wait for a child to end, or for a while."""
        if select.select([self._wakes], [], [], _ASK_EVERY_S)[0]:
            os.read(self._wakes, 4096)

    def __getattr__(self, name: str) -> Any:
        """Leave everything else as it is."""
        return getattr(time, name)


def _as_before() -> None:
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)


def wait_patiently() -> None:
    """Do so in a process that is asv's fork server; elsewhere do nothing."""
    server = sys.modules.get(_SERVER)
    if sys.argv[1:2] == [_ROLE] and getattr(server, "time", None) is time:
        server.time = PatientClock()  # type: ignore[union-attr]
