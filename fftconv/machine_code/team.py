"""How many threads are worth asking for: fewer for a while after one of them came late.

Threads share a job piece by piece, so they end together unless one of them has no core: then the
others wait for it at the barrier for a whole slice of the scheduler's, milliseconds, however short
the job is. That cannot be known beforehand, but it lasts: what has taken a core usually keeps it
for longer than a call. So after a late one the next calls do without it for as long as they waited
for it, and each time twice as long if it then works in time for less than it was left out. One that
comes late after many jobs in time is asked again at once: it may have slept.
"""

from __future__ import annotations

import math
import time

#: Waiting for so long is no matter of pieces that differ, but of a core that is missing.
LATE_NS = 300_000
#: Of a job's time: the pieces of a long one take long themselves.
LATE_SHARE = 0.25
#: Jobs that end in time for so long, more than a slice of the scheduler's, prove that a thread has
#: its core.
APART_NS = 6_000_000
LONGEST_REST_NS = 320_000_000
LONGER_THAN_ANY_PROCESS_S = 1e9
#: Threads that had nothing to do for so long may sleep; before that, OpenMP's spin.
ASLEEP_NS = 1_000_000


class Team:
    """Decides on the number of threads of each job, from how the ones before went.

    Several Python threads may ask and tell at once; that at worst mixes their experience up.
    """

    def __init__(self) -> None:
        self._missing = 0
        self._rest_ns = 0
        self._resting_until = 0
        self.longest_rest_ns = LONGEST_REST_NS
        self.in_time_ns = APART_NS
        """How long jobs took, all that ended in time since one did not."""
        self.ended_ns = 0
        """When the last job of several threads ended."""

    @property
    def resting(self) -> bool:
        """Whether a thread came late not long ago."""
        return self._missing > 0

    def limit_rest(self, longest_ns: int) -> None:
        """Rest for so long at most, from now on; a rest that has begun ends."""
        self.longest_rest_ns = longest_ns
        self._rest_ns = self._missing = 0

    def size(self, threads: int, now_ns: int) -> int:
        """Return how many of `threads` to ask for."""
        if not self._missing:
            return threads
        if now_ns < self._resting_until:
            return max(1, threads - self._missing)
        self._missing = 0
        return threads

    def tell(self, wall_ns: int, waited_ns: int, now_ns: int) -> None:
        """Take note of how long a job took, and how long its caller waited for the others."""
        if waited_ns < LATE_NS + LATE_SHARE * wall_ns:
            self.in_time_ns += wall_ns
            return
        in_time_ns, self.in_time_ns = self.in_time_ns, 0
        if in_time_ns >= max(APART_NS, self._rest_ns):
            self._rest_ns = 0
            return
        self._rest_ns = min(max(2 * self._rest_ns, waited_ns), self.longest_rest_ns)
        # Each further one that comes late within the same rest is left out, too.
        self._missing = self._missing + 1 if now_ns < self._resting_until else 1
        self._resting_until = now_ns + self._rest_ns


#: The threads are the process's, and so is what is known of them.
TEAM = Team()


def set_longest_rest(seconds: float) -> float:
    """Set for how long calls go on without a thread that came late, at most.

    Where another program has a core, a call of several threads waits milliseconds for the one that
    lacks it, however short the call is. So the calls after it ask for a thread less, for twice as
    long each time that it comes late again, up to 0.32 seconds. Whoever measures what a call takes
    on a machine of its own wants none of that: with 0 each call asks for all threads.

    Parameters
    ----------
    seconds
        Of this process, from now on. 0: no call does without a thread.

    Returns
    -------
    float
        How many seconds it was before.

    Raises
    ------
    TypeError
        This is no number.
    ValueError
        It is negative, or not finite.
    """
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        raise TypeError(f"seconds must be a number, got {type(seconds).__name__}")
    if not 0 <= seconds < math.inf:
        raise ValueError(f"seconds must be 0 or more, and finite, got {seconds}")
    before_s = TEAM.longest_rest_ns / 1e9
    TEAM.limit_rest(round(1e9 * min(seconds, LONGER_THAN_ANY_PROCESS_S)))
    return before_s


now_ns = time.monotonic_ns
#: The same clock, as the C library numbers it.
CLOCK: int = getattr(time, "CLOCK_UPTIME_RAW", getattr(time, "CLOCK_MONOTONIC", 1))
