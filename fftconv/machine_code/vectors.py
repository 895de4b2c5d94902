"""SIMD vectors in LLVM IR: the few instructions that the kernels are made of.

Numba has no vector type, and its automatic vectoriser does not keep a block of the output in
registers. So the inner tiles are written here as explicit vector instructions, while everything
around them (loops, borders, work sharing) is ordinary numba code.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir
from numba.core import cgutils, config, types
from numba.extending import intrinsic

if TYPE_CHECKING:
    from collections.abc import Iterator

I64 = ir.IntType(64)
I32 = ir.IntType(32)


def _features() -> frozenset[str]:
    """Return the processor features that numba compiles for, as LLVM spells them."""
    text: str | None = getattr(config, "CPU_FEATURES", None)  # NUMBA_CPU_FEATURES
    if text is None:
        text = llvm.get_host_cpu_features().flatten()
    return frozenset(part[1:] for part in text.split(",") if part.startswith("+"))


_FEATURES = _features()
#: Bytes in one vector register, and how many of them there are.
VECTOR_BYTES = 64 if "avx512f" in _FEATURES else 32 if "avx" in _FEATURES else 16
REGISTERS = 32 if "avx512f" in _FEATURES or "neon" in _FEATURES else 16


def numbers(bits: int) -> tuple[Any, int, int]:
    """Return a zero of 32 or 64 bits, the bytes of such a number, and how many fill a vector."""
    item = bits // 8
    return np.float32(0) if bits == 32 else np.float64(0), item, VECTOR_BYTES // item


class Vectors:
    """Vector instructions for one element type, appended to one builder.

    Parameters
    ----------
    builder : llvmlite.ir.IRBuilder
        Where the instructions go.
    bits : int
        Width of one element: 32 or 64.
    """

    def __init__(self, builder: Any, bits: int) -> None:
        self.builder = builder
        self.item_bytes = bits // 8
        self.lanes = VECTOR_BYTES // self.item_bytes
        self.element: Any = ir.FloatType() if bits == 32 else ir.DoubleType()
        self.vector = ir.VectorType(self.element, self.lanes)
        self.indices = ir.VectorType(I32, self.lanes)
        self.mask = ir.VectorType(ir.IntType(1), self.lanes)
        self.suffix = f"v{self.lanes}f{bits}"

    def integer(self, value: int) -> Any:
        """Return a 64-bit constant."""
        return ir.Constant(I64, value)

    def zero(self) -> Any:
        """Return the vector of zeros."""
        return ir.Constant(self.vector, [0.0] * self.lanes)

    def accumulator(self) -> Any:
        """Reserve a vector that starts at zero; LLVM turns it into a register."""
        slot = cgutils.alloca_once(self.builder, self.vector)
        self.builder.store(self.zero(), slot)
        return slot

    def address(self, base: Any, *offsets: Any) -> Any:
        """Return ``base`` plus element offsets as a byte address."""
        elements = offsets[0]
        for offset in offsets[1:]:
            elements = self.builder.add(elements, offset)
        return self.builder.add(base, self.builder.mul(elements, self.integer(self.item_bytes)))

    def _pointer(self, address: Any, kind: Any) -> Any:
        return self.builder.inttoptr(address, ir.PointerType(kind))

    def load(self, address: Any) -> Any:
        """Load one unaligned vector."""
        return self.builder.load(self._pointer(address, self.vector), align=self.item_bytes)

    def store(self, value: Any, address: Any) -> None:
        """Store one unaligned vector."""
        self.builder.store(value, self._pointer(address, self.vector), align=self.item_bytes)

    def store_scalar(self, value: Any, address: Any) -> None:
        """Store one element."""
        self.builder.store(value, self._pointer(address, self.element), align=self.item_bytes)

    def splat(self, address: Any) -> Any:
        """Load one element and repeat it in every lane."""
        return self.repeated(self.scalar(address))

    def repeated(self, number: Any) -> Any:
        """Return one element in every lane."""
        return self._repeat(number, self.vector)

    def scalar(self, address: Any) -> Any:
        """Load one element."""
        return self.builder.load(self._pointer(address, self.element), align=self.item_bytes)

    def _repeat(self, scalar: Any, kind: Any) -> Any:
        undefined = ir.Constant(kind, ir.Undefined)
        first = self.builder.insert_element(undefined, scalar, ir.Constant(I32, 0))
        pattern = ir.Constant(self.indices, [0] * self.lanes)
        return self.builder.shuffle_vector(first, undefined, pattern)

    def lane_numbers(self, start: Any) -> Any:
        """Return ``start, start + 1, ...`` as 32-bit lanes."""
        base = self._repeat(self.builder.trunc(start, I32), self.indices)
        return self.builder.add(base, ir.Constant(self.indices, list(range(self.lanes))))

    def below(self, numbers: Any, limit: Any) -> Any:
        """Return the mask of ``0 <= number < limit``: negative numbers are huge when unsigned."""
        bound = self._repeat(self.builder.trunc(limit, I32), self.indices)
        return self.builder.icmp_unsigned("<", numbers, bound)

    def shifted(self, numbers: Any, step: Any) -> Any:
        """Return ``numbers + step`` in every lane."""
        return self.builder.add(numbers, self._repeat(self.builder.trunc(step, I32), self.indices))

    def masked_load(self, address: Any, mask: Any) -> Any:
        """Load the lanes of ``mask``; the others are zero and their memory is not touched."""
        pointer = ir.PointerType(self.vector)
        kind = ir.FunctionType(self.vector, [pointer, I32, self.mask, self.vector])
        function = cgutils.get_or_insert_function(
            self.builder.module, kind, f"llvm.masked.load.{self.suffix}.p0"
        )
        align = ir.Constant(I32, self.item_bytes)
        where = self._pointer(address, self.vector)
        return self.builder.call(function, [where, align, mask, self.zero()])

    def masked_store(self, value: Any, address: Any, mask: Any) -> None:
        """Store the lanes of ``mask``; the memory of the others is not touched."""
        pointer = ir.PointerType(self.vector)
        kind = ir.FunctionType(ir.VoidType(), [self.vector, pointer, I32, self.mask])
        function = cgutils.get_or_insert_function(
            self.builder.module, kind, f"llvm.masked.store.{self.suffix}.p0"
        )
        align = ir.Constant(I32, self.item_bytes)
        where = self._pointer(address, self.vector)
        self.builder.call(function, [value, where, align, mask])

    def multiply_add(self, slot: Any, left: Any, right: Any) -> None:
        """Add ``left * right`` to an accumulator, fused where the processor can."""
        self.builder.store(self.fused(left, right, self.builder.load(slot)), slot)

    def fused(self, left: Any, right: Any, more: Any) -> Any:
        """Return ``left * right + more``, fused where the processor can."""
        kind = ir.FunctionType(self.vector, [self.vector] * 3)
        function = cgutils.get_or_insert_function(
            self.builder.module, kind, f"llvm.fmuladd.{self.suffix}"
        )
        return self.builder.call(function, [left, right, more])

    def total(self, vector: Any) -> Any:
        """Return the sum over the lanes, halving in a tree."""
        width = self.lanes
        while width > 1:
            width //= 2
            pattern = [*range(width, 2 * width), *([0] * (self.lanes - width))]
            upper = self.builder.shuffle_vector(vector, vector, ir.Constant(self.indices, pattern))
            vector = self.builder.fadd(vector, upper)
        return self.builder.extract_element(vector, ir.Constant(I32, 0))

    @contextmanager
    def loop(self, start: Any, stop: Any) -> Iterator[Any]:
        """Emit a loop over ``range(start, stop)``; empty when ``stop <= start``."""
        builder = self.builder
        head = builder.append_basic_block("head")
        body = builder.append_basic_block("body")
        done = builder.append_basic_block("done")
        entry = builder.block
        builder.branch(head)
        builder.position_at_end(head)
        index = builder.phi(I64)
        index.add_incoming(start, entry)
        builder.cbranch(builder.icmp_signed("<", index, stop), body, done)
        builder.position_at_end(body)
        yield index
        index.add_incoming(builder.add(index, self.integer(1)), builder.block)
        builder.branch(head)
        builder.position_at_end(done)


def _take_ticket(typingctx: Any, counter: Any) -> Any:
    """Return the number that a pointer leads to and add one to it, atomically."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.atomic_rmw("add", args[0], ir.Constant(I64, 1), "monotonic")

    return types.int64(counter), codegen


def emit_prefetch(builder: Any, address: Any, near: int, write: int = 0) -> None:
    """Ask for the cache line at an address.

    `near` is how close it is to be: 3 in the first cache, 2 in the second; `write` is 1 for lines
    that are written.
    """
    pointer = ir.PointerType(ir.IntType(8))
    kind = ir.FunctionType(ir.VoidType(), [pointer, I32, I32, I32])
    function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
    hints = [ir.Constant(I32, n) for n in (write, near, 1)]  # of data
    builder.call(function, [builder.inttoptr(address, pointer), *hints])


def _prefetch(typingctx: Any, address: Any, write: Any) -> Any:
    """Ask for the cache line at an address, to write if `write` is 1; harmless wherever it is."""
    if not isinstance(write, types.IntegerLiteral):
        return None

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        emit_prefetch(builder, args[0], 3, write.literal_value)
        return context.get_dummy_value()

    return types.void(address, write), codegen


take_ticket: Any = intrinsic(_take_ticket)
prefetch: Any = intrinsic(prefer_literal=True)(_prefetch)
