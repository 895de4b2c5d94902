"""Arithmetic on vectors of LLVM's: what a straight-line transform is emitted through."""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from fftconv.machine_code.arithmetic import Arithmetic, Complex, Number
from fftconv.machine_code.vectors import VECTOR_BYTES, Vectors


class Lanes(Arithmetic):
    """Arithmetic on vectors of LLVM's."""

    def __init__(self, builder: Any, bits: int) -> None:
        self.v = Vectors(builder, bits)
        self.builder = builder

    def plus(self, x: Number, y: Number) -> Number:
        """Return x + y."""
        return self.builder.fadd(x, y)

    def minus(self, x: Number, y: Number) -> Number:
        """Return x - y."""
        return self.builder.fsub(x, y)

    def negative(self, x: Number) -> Number:
        """Return -x."""
        return self.builder.fneg(x)

    def times(self, x: Number, factor: float) -> Number:
        """Return x times a constant."""
        return self.builder.fmul(x, self.constant(factor))

    def times_plus(self, x: Number, factor: float, y: Number) -> Number:
        """Return x times a constant, plus y."""
        return self.v.fused(x, self.constant(factor), y)

    def constant(self, value: float) -> Any:
        """Return a vector of one number."""
        return ir.Constant(self.v.vector, [value] * self.v.lanes)

    def at(self, base: Any, stride: Any, n: int) -> Any:
        """Return the n-th address from `base` on."""
        if n == 0:
            return base
        return self.builder.add(base, self.builder.mul(stride, self.v.integer(n)))

    def sources(self, base: Any, stride: Any, count: int, limit: Any, zeros: Any) -> list[Any]:
        """Return addresses to load from: those of zeros from `limit` on, at most three of them."""
        places = [self.at(base, stride, n) for n in range(count)]
        for n in range(max(1, count - 3), count):
            is_there = self.builder.icmp_signed("<", self.v.integer(n), limit)
            places[n] = self.builder.select(is_there, places[n], zeros)
        return places

    def store_bin(self, value: Complex, place: Any, part: Any) -> None:
        """Store a complex number whose imaginary part may be none."""
        re, im = (self.v.zero() if x is None else x for x in value)
        self.v.store(re, place)
        self.v.store(im, self.builder.add(place, part))

    def second(self, place: Any) -> Any:
        """Return the address of the vector behind this one."""
        return self.builder.add(place, self.v.integer(VECTOR_BYTES))
