"""One thread's part in a job, and when the caller's ended: how long it waits at the barrier."""

from __future__ import annotations

from functools import cache
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from fftconv.machine_code import placement
from fftconv.machine_code.compiling import JOB as POINTER
from fftconv.machine_code.compiling import compile_job, source_hash
from fftconv.machine_code.placement import remember, send_away, this_thread
from fftconv.machine_code.team import CLOCK
from fftconv.machine_code.vectors import I32, I64

#: Fields of what the function takes: addresses of a job's function, the job, and the function
#: that numbers a team's threads; nanoseconds at which number 0, the caller, ended; and where some
#: may have slept, how many have not begun, who asked for them, and addresses of the threads'
#: numbers and of room for a set of cores (`placement`).
FUNCTION, JOB, NUMBER, END, MISSING, CALLER, THREADS, CORES, COUNT = range(9)
#: A thread that is awake begins sooner than this.
AWAKE_NS = 5_000


def _run(typingctx: Any, function: Any, job: Any) -> Any:
    """Call the function at an address with the address of a job."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = ir.FunctionType(ir.VoidType(), [I64])
        builder.call(builder.inttoptr(args[0], kind.as_pointer()), [args[1]])
        return context.get_dummy_value()

    return types.void(function, job), codegen


def _number(typingctx: Any, function: Any) -> Any:
    """Return what the function at an address returns, a small number."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = ir.FunctionType(I32, [])
        found = builder.call(builder.inttoptr(args[0], kind.as_pointer()), [])
        return builder.sext(found, I64)

    return types.int64(function), codegen


def _nanoseconds(typingctx: Any) -> Any:
    """Return the kernel's monotonic clock."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        spec = cgutils.alloca_once(builder, ir.ArrayType(I64, 2))
        kind = ir.FunctionType(I32, [I32, spec.type])
        clock = cgutils.get_or_insert_function(builder.module, kind, "clock_gettime")
        builder.call(clock, [ir.Constant(I32, CLOCK), spec])
        zero = ir.Constant(I32, 0)
        seconds, rest = (
            builder.load(builder.gep(spec, [zero, ir.Constant(I32, n)])) for n in (0, 1)
        )
        return builder.add(builder.mul(seconds, ir.Constant(I64, 10**9)), rest)

    return types.int64(), codegen


def _as_pointer(typingctx: Any, address: Any) -> Any:
    """Read an address as that of 64-bit integers."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.inttoptr(args[0], I64.as_pointer())

    return POINTER(address), codegen


def _add(typingctx: Any, numbers: Any, index: Any, value: Any) -> Any:
    """Add to one of several numbers at once, and return what it was."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = builder.gep(args[0], [args[1]])
        return builder.atomic_rmw("add", place, args[2], "monotonic")

    return types.int64(numbers, types.int64, types.int64), codegen


run: Any = intrinsic(_run)
number: Any = intrinsic(_number)
nanoseconds: Any = intrinsic(_nanoseconds)
as_pointer: Any = intrinsic(_as_pointer)
add: Any = intrinsic(_add)


@cache
def shift() -> Any:
    """Return the compiled function that each thread of a team runs."""
    source = source_hash(__file__)
    places = placement.IS_KNOWN

    def shift_of_a_thread(fields: Any) -> None:
        source  # noqa: B018 - a closure's values are part of the key of numba's cache
        if places and fields[CORES] != 0:
            add(fields, MISSING, -1)
            thread, threads = this_thread(), as_pointer(fields[THREADS])
            if thread != fields[CALLER]:
                remember(threads, thread)
            else:
                begun = nanoseconds()
                while add(fields, MISSING, 0) > 0:
                    if nanoseconds() > begun + AWAKE_NS:
                        send_away(threads, thread, as_pointer(fields[CORES]))
                        break
        run(fields[FUNCTION], fields[JOB])
        if number(fields[NUMBER]) == 0:
            fields[END] = nanoseconds()

    return compile_job(shift_of_a_thread)
