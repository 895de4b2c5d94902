"""Send the threads of a team to other cores than the one that their caller is on.

A thread that has slept for some milliseconds is often woken onto the very core on which its caller
works, though another is idle: a guest's kernel takes a core that its host has put to sleep for one
that is not to be had. Then the caller does all the work alone, and waits at the barrier for longer
than that took: 2 to 12 ms, until OpenMP stops spinning or the slice of the scheduler ends. So a
caller whose threads do not begin at once forbids them its own core, and allows it again.
"""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from typing import Any

from numba import types
from numba.extending import register_jitable

from fftconv.machine_code.compiling import JOB as POINTER

#: Threads that are remembered.
REMEMBERED = 256
#: The kernel's set of cores, in words.
WORDS = 16
#: Of the call that says which thread this is; there is no such function before glibc 2.30.
_GETTID = {"x86_64": 186, "aarch64": 178}.get(platform.machine(), 0)
IS_KNOWN = sys.platform == "linux" and _GETTID > 0

#: The kernel's numbers of the threads that took part in jobs; 0: none yet.
THREADS = (ctypes.c_int64 * REMEMBERED)()

if hasattr(os, "register_at_fork"):
    # They are the parent's: a child's own ones are yet to come.
    os.register_at_fork(after_in_child=lambda: ctypes.memset(THREADS, 0, ctypes.sizeof(THREADS)))

_syscall: Any = types.ExternalFunction("syscall", types.int64(types.int64))
_core: Any = types.ExternalFunction("sched_getcpu", types.int32())
_get: Any = types.ExternalFunction(
    "sched_getaffinity", types.int32(types.int32, types.int64, POINTER)
)
_set: Any = types.ExternalFunction(
    "sched_setaffinity", types.int32(types.int32, types.int64, POINTER)
)


@register_jitable
def this_thread() -> Any:
    """Return the kernel's number of the thread that asks."""
    return _syscall(_GETTID)


@register_jitable
def remember(threads: Any, thread: int) -> None:
    """Note a thread; of two that do so at once one may have to try again in the next job."""
    for at in range(REMEMBERED):
        if threads[at] == thread:
            return
        if threads[at] == 0:
            threads[at] = thread
            return


@register_jitable
def send_away(threads: Any, caller: int, cores: Any) -> None:
    """Move all threads but the caller from its core, if they may be on another.

    `cores` is room for `WORDS` numbers.
    """
    core = _core()
    word, bit = core // 64, types.int64(1) << (core % 64)
    for at in range(REMEMBERED):
        thread = threads[at]
        if thread == 0:
            return
        if thread == caller or _get(thread, 8 * WORDS, cores) < 0:
            continue  # it is at work; or it has ended since
        allowed = cores[word]
        cores[word] = allowed & ~bit
        elsewhere = False
        for n in range(WORDS):
            elsewhere |= cores[n] != 0
        if elsewhere and _set(thread, 8 * WORDS, cores) == 0:
            cores[word] = allowed
            _set(thread, 8 * WORDS, cores)
