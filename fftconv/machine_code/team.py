"""How many threads are worth asking for: fewer for a while after one of them came late.

Threads share a job piece by piece, so they end together unless one of them has no core: then the
others wait for it at the barrier for a whole slice of the scheduler's, milliseconds, however short
the job is. That cannot be known beforehand, but it lasts: what has taken a core usually keeps it
for longer than a call. So after the second late one in a row the next calls do without it, for as
long as it takes to make the lateness small, and longer each time. A single one says nothing: a
thread that has slept between two bursts of calls may take as long to wake up, once.
"""

from __future__ import annotations

import time

#: Waiting for so long is no matter of pieces that differ, but of a core that is missing.
LATE_NS = 300_000
#: Of a job's time: the pieces of a long one take long themselves.
LATE_SHARE = 0.25
#: Jobs that end in time for so long, a few of the scheduler's slices, part two that are late.
APART_NS = 10_000_000
FIRST_REST_NS = 20_000_000
LONGEST_REST_NS = 320_000_000
#: Without a late one for as many rests as this, the next rest is half as long.
FORGIVEN_AFTER = 8


class Team:
    """Decides on the number of threads of each job, from how the ones before went.

    Several Python threads may ask and tell at once; that at worst mixes their experience up.
    """

    def __init__(self) -> None:
        self._missing = 0
        self._rest_ns = FIRST_REST_NS
        self._resting_until = 0
        self._late_at = 0
        self.in_time_ns = APART_NS
        """How long jobs took, all that ended in time since one did not."""

    @property
    def resting(self) -> bool:
        """Whether a thread came late not long ago."""
        return self._missing > 0

    def size(self, threads: int, now_ns: int) -> int:
        """Return how many of `threads` to ask for."""
        if not self._missing:
            return threads
        if now_ns < self._resting_until:
            return max(1, threads - self._missing)
        self._missing = 0
        return threads

    def tell(self, wall_ns: int, waited_ns: int, now_ns: int) -> None:
        """Take note of how long a job took, and how long its first thread waited for its last."""
        if waited_ns < LATE_NS + LATE_SHARE * wall_ns:
            self.in_time_ns += wall_ns
            return
        in_time_ns, self.in_time_ns = self.in_time_ns, 0
        if in_time_ns >= APART_NS:
            return
        quiet_rests = (now_ns - self._late_at) // (FORGIVEN_AFTER * self._rest_ns)
        if self._late_at and quiet_rests < 1:
            self._rest_ns = min(2 * self._rest_ns, LONGEST_REST_NS)
        else:
            self._rest_ns = max(self._rest_ns >> min(quiet_rests, 8), FIRST_REST_NS)
        # Each further one that comes late within the same rest is left out, too.
        self._missing = self._missing + 1 if now_ns < self._resting_until else 1
        self._late_at = now_ns
        self._resting_until = now_ns + self._rest_ns


#: The threads are the process's, and so is what is known of them.
TEAM = Team()

now_ns = time.perf_counter_ns
