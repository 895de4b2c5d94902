"""Loops in machine code that keep one part of the processor busy and nothing else.

Written as LLVM's intermediate code, since no compiler is then free to leave work out, to take
narrower vectors or to spill the sums: what runs is what is counted.
"""

import ctypes
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, BrokenBarrierError, Lock
from typing import Any

import llvmlite.binding as llvm
import numpy as np

VECTOR_BYTES = (16, 32, 64)
# Sums in flight: enough to hide the latency of a multiply-add, few enough for 16 registers or 32.
SUMS = (12, 24)
# Times that a sum is added to before the loop goes round.
_UNROLLED = 4
_FACTOR = 0.5

Work = Callable[[], Any]


def multiply_add_code(dtype: str, vector_bytes: int, sums: int) -> str:
    """Return a loop that adds to `sums` independent vectors: ``sum = sum * factor + factor``.

    The function takes the address of ``sums + 1`` vectors (the sums' first values, then the
    factor), where it leaves the sums, and how often to go round.
    """
    lanes = vector_bytes // np.dtype(dtype).itemsize
    vector = f"<{lanes} x {'float' if dtype == 'float32' else 'double'}>"
    name = f"@llvm.fmuladd.v{lanes}f{dtype[-2:]}"  # fused where the processor can
    start = [
        line
        for number in range(sums + 1)
        for line in (
            f"%p{number} = getelementptr {vector}, ptr %values, i64 {number}",
            f"%first{number} = load {vector}, ptr %p{number}, align 8",
        )
    ]
    steps = [
        f"%s{number}.{step} = call {vector} {name}({vector} %s{number}.{step - 1}, "
        f"{vector} %first{sums}, {vector} %first{sums})"
        for step in range(1, _UNROLLED + 1)
        for number in range(sums)
    ]
    sources = [
        f"%s{number}.0 = phi {vector} [%first{number}, %entry], [%s{number}.{_UNROLLED}, %loop]"
        for number in range(sums)
    ]
    end = [
        f"store {vector} %s{number}.{_UNROLLED}, ptr %p{number}, align 8" for number in range(sums)
    ]
    return "\n".join(
        [
            f"declare {vector} {name}({vector}, {vector}, {vector})",
            "define void @run(ptr %values, i64 %rounds) {",
            *("entry:", *start, "br label %loop"),
            *("loop:", "%round = phi i64 [0, %entry], [%next, %loop]", *sources, *steps),
            "%next = add i64 %round, 1",
            "%more = icmp ult i64 %next, %rounds",
            "br i1 %more, label %loop, label %done",
            *("done:", *end, "ret void", "}"),
        ]
    )


COPY_CODE = """
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
define void @run(ptr %target, ptr %source, i64 %bytes, i64 %rounds) {
entry:
  br label %loop
loop:
  %round = phi i64 [0, %entry], [%next, %loop]
  call void @llvm.memcpy.p0.p0.i64(ptr %target, ptr %source, i64 %bytes, i1 false)
  %next = add i64 %round, 1
  %more = icmp ult i64 %next, %rounds
  br i1 %more, label %loop, label %done
done:
  ret void
}
"""


def _target() -> Any:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_default_triple()
    features = llvm.get_host_cpu_features().flatten()
    return target.create_target_machine(cpu=llvm.get_host_cpu_name(), features=features, opt=3)


def assembly(code: str) -> str:
    """Return what this machine makes of LLVM code."""
    machine = _target()
    return str(machine.emit_assembly(llvm.parse_assembly(code)))


# What was compiled, by its code: an engine's functions live as long as it does. Threads that ask at
# the same time must not each make one.
_ENGINES: dict[str, Any] = {}
_COMPILING = Lock()


def compiled(code: str, arguments: int) -> Callable[..., None]:
    """Compile LLVM code and return its function `run`, which lets go of the interpreter's lock."""
    with _COMPILING:
        if code not in _ENGINES:
            _ENGINES[code] = llvm.create_mcjit_compiler(llvm.parse_assembly(code), _target())
            _ENGINES[code].finalize_object()
        address = _ENGINES[code].get_function_address("run")
    # Addresses and counts alike are 64-bit integers.
    function: Callable[..., None] = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * arguments)(address)
    return function


def multiply_adds(dtype: str, vector_bytes: int, sums: int, rounds: int) -> int:
    """Return how many multiply-adds `multiply_add_work` does."""
    return rounds * _UNROLLED * sums * vector_bytes // np.dtype(dtype).itemsize


def multiply_add_work(dtype: str, vector_bytes: int, sums: int, rounds: int) -> Work:
    """Return the work of one thread; it returns the sums, which approach 1."""
    values = np.zeros((sums + 1, vector_bytes // np.dtype(dtype).itemsize), dtype)
    values[-1] = _FACTOR
    run = compiled(multiply_add_code(dtype, vector_bytes, sums), 2)

    def work() -> Any:
        run(values.ctypes.data, rounds)
        return values[:-1]

    return work


def copy_work(count: int, rounds: int) -> Work:
    """Return the work of one thread: to copy so many bytes, so many times."""
    source, target = np.ones(count, np.uint8), np.zeros(count, np.uint8)
    run = compiled(COPY_CODE, 4)

    def work() -> Any:
        run(target.ctypes.data, source.ctypes.data, count, rounds)
        return target

    return work


def together_s(make_work: Callable[[], Work], threads: int, samples: int) -> float:
    """Return the least seconds, of several samples, from the first start to the last end.

    Each thread makes its own work, so that its memory is its own.
    """
    barrier = Barrier(threads)

    def member() -> list[tuple[float, float]]:
        spans: list[tuple[float, float]] = []
        try:
            work = make_work()
            for _ in range(samples + 1):  # the first one warms up
                barrier.wait()
                start = time.perf_counter()
                work()
                spans.append((start, time.perf_counter()))
        except BaseException:
            barrier.abort()  # the others would wait for ever
            raise
        return spans[1:]

    with ThreadPoolExecutor(threads) as pool:
        members = [pool.submit(member) for _ in range(threads)]
        failed = [error for error in (m.exception() for m in members) if error is not None]
        if failed:
            raise next((e for e in failed if not isinstance(e, BrokenBarrierError)), failed[0])
        spans = zip(*[future.result() for future in members], strict=True)
        walls: list[float] = [
            max(end for _, end in each) - min(start for start, _ in each) for each in spans
        ]
        return min(walls)
