"""A process's memory over time, watched from outside: its long calls hide nothing."""

import threading
import time
from dataclasses import dataclass, field

import psutil

_INTERVAL_S = 0.0005


@dataclass
class MemoryWatch:
    """Samples of the resident memory of one process while it is to be watched."""

    pid: int
    samples: list[tuple[float, int]] = field(default_factory=list)
    """Seconds since the epoch, bytes."""
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to sample."""
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End sampling and wait for its thread."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _sample(self) -> None:
        try:
            process = psutil.Process(self.pid)
            while not self._stop.is_set():
                self.samples.append((time.time(), process.memory_info().rss))
                time.sleep(_INTERVAL_S)
        except psutil.NoSuchProcess:
            return  # it ended: what was seen is what there is


@dataclass(frozen=True)
class MemoryCurve:
    """Resident memory over the watched calls, above what it was before them."""

    points: tuple[tuple[float, float], ...]
    """Seconds since the first call, bytes."""
    calls: tuple[tuple[float, float], ...]
    """Start and end of each call, in the same seconds."""

    @property
    def peak_bytes(self) -> float:
        """Most that a call held beyond what the process held before the first one."""
        return max((count for _, count in self.points), default=0.0)


def curve(samples: list[tuple[float, int]], calls: list[tuple[float, float]]) -> MemoryCurve:
    """Return the curve from just before the first call to just after the last."""
    if not calls or not samples:
        return MemoryCurve((), ())
    start, end = calls[0][0], calls[-1][1]
    before = [count for moment, count in samples if moment < start]
    base = before[-1] if before else samples[0][1]
    inside = [(t - start, float(n - base)) for t, n in samples if start - 0.003 <= t <= end + 0.003]
    return MemoryCurve(tuple(inside), tuple((a - start, b - start) for a, b in calls))
