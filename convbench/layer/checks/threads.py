"""Call the layer from two threads at once: right results, and neither waits for the other.

Python runs one thread at a time, unless a library gives the interpreter's lock back while it
works. Whether this layer does is seen from two threads' time beside the time of the same calls one
after the other, in turns with calls that are known to give it back (a hash), which tells whether a
second core was free.
"""

import functools
import hashlib
import math
import threading
import time
from collections.abc import Callable

import torch

from convbench.layer.checks.context import Context
from convbench.layer.checks.tensors import same
from convbench.layer.errors import line
from convbench.layer.finding import Finding, failed, not_applicable, passed, unsure
from convbench.layer.places import raised_at
from convbench.layer.subject import tensors_of
from convbench.layer.timing import Estimate, estimate

_SHORTEST_S, _TRIES = 2e-4, 20
_SAMPLE_S, _ROUNDS, _BUDGET_S = 0.02, 12, 4.0
_FEWEST, _CALLS = 2, 20
_PATIENCE_S = 60.0
_APART, _ALIKE = 1.4, 1.2
"""From this speedup on two threads work at once; up to this they take turns."""
_HASHED = bytes(1 << 20)
_LOCK = (
    "give the lock back while it computes: `nogil=True` in numba, `with nogil` in Cython, "
    "Py_BEGIN_ALLOW_THREADS in C; or use processes in place of threads"
)
_SHARED = "keep what a call needs in local variables and in ctx, not in the layer or in a global"

Call = Callable[[], object]


def _in_threads(call: Call, expected_s: float) -> float:
    """Return the seconds of a call in each of two threads that begin together.

    `expected_s` is what a call takes alone.

    Raises
    ------
    TimeoutError
        They do not end.
    """
    errors: list[BaseException] = []
    start = threading.Barrier(3)

    def work() -> None:
        start.wait()
        try:
            call()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(2)]
    for thread in threads:
        thread.start()
    start.wait()
    begun = time.perf_counter()
    patience_s = _PATIENCE_S + 20 * expected_s
    for thread in threads:
        thread.join(patience_s)
        if thread.is_alive():
            raise TimeoutError(f"two threads were not done after {patience_s:.3g} s")
    seconds = time.perf_counter() - begun
    if errors:
        raise errors[0]
    return seconds


def _one_after_the_other(call: Call) -> float:
    return _once(call) + _once(call)


def _speedups(calls: dict[str, Call]) -> dict[str, Estimate]:
    """Return how much faster two threads are than the same calls in turn, in the same rounds."""
    found: dict[str, list[float]] = {name: [] for name in calls}
    end = time.perf_counter() + _BUDGET_S
    for turn in range(_ROUNDS):
        for name, call in calls.items():
            alone_s = _one_after_the_other(call)
            found[name].append(alone_s / _in_threads(call, alone_s))
        if turn >= 6 and time.perf_counter() > end:
            break
    return {name: estimate(values) for name, values in found.items()}


def _once(call: Call) -> float:
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


def _repeated(call: Call) -> Call:
    """Return so many calls that a thread's start does not matter."""
    count = math.ceil(_SAMPLE_S / max(min(_once(call) for _ in range(3)), 1e-7))

    def several() -> None:
        for _ in range(count):
            call()

    return several


def _wrong_results(context: Context) -> bool:
    """Whether calls with different inputs, at once, give other results than each alone."""
    layer = context.subject.fresh()
    samples = [context.subject.inputs(seed=20 + n) for n in range(2)]
    begun = time.perf_counter()
    with torch.no_grad():
        alone = [tensors_of(layer(*sample)) for sample in samples]
    once_s = (time.perf_counter() - begun) / len(samples)
    count = max(_FEWEST, min(_CALLS, int(1 / max(once_s, 1e-7))))
    wrong: list[bool] = []
    over = threading.Event()  # a thread that nobody waits for any more is not to go on
    turns = iter(range(2))

    def work() -> None:
        mine = next(turns)
        for _ in range(count):
            if over.is_set():
                return
            with torch.no_grad():
                found = tensors_of(layer(*samples[mine]))
            if not same(found, alone[mine]):
                wrong.append(True)

    try:
        _in_threads(work, count * once_s)
    finally:
        over.set()
    return bool(wrong)


def two_threads(context: Context) -> Finding:
    """Call the layer from two threads, each with one thread of torch's own."""
    place = context.line_of("forward")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        if not context.random and _wrong_results(context):
            return failed("two threads at once give wrong results", place, _SHARED)
        return _lock(context)
    except TimeoutError as error:
        return failed(str(error), place, _SHARED)
    except Exception as error:
        said = f"in two threads at once it fails: {line(error)}"
        return failed(said, raised_at(error) or place, _SHARED)
    finally:
        torch.set_num_threads(threads)


def _lock(context: Context) -> Finding:
    layer, inputs = context.subject.fresh(), context.subject.inputs()

    def call() -> None:
        with torch.no_grad():
            layer(*inputs)

    once_s = min(_once(call) for _ in range(_TRIES))
    if once_s < _SHORTEST_S:
        return not_applicable(
            f"right in two threads; a call of {once_s * 1e6:.0f} us is too short to tell whether "
            "it holds the interpreter's lock: give a larger --input"
        )
    hashed = functools.partial(hashlib.sha256, _HASHED)
    found = _speedups({"layer": _repeated(call), "hash": _repeated(hashed)})
    mine, free = found["layer"], found["hash"]
    times = f"two threads are {mine.value:.2f} ({mine.low:.2f} to {mine.high:.2f}) times as fast"
    if mine.low > _APART or (mine.value > _APART and mine.low > _ALIKE):
        return passed(f"{times} as one after the other: it gives the interpreter's lock back")
    if free.low < _APART:
        return unsure(
            f"{times} as one after the other, but a hash, which gives the lock back, is "
            f"{free.value:.2f}: no second core was free"
        )
    if mine.high < _ALIKE:
        said = f"{times} as one after the other: it holds the interpreter's lock"
        return failed(said, context.line_of("forward"), _LOCK)
    return unsure(f"{times} as one after the other: it holds the interpreter's lock in part")
