"""What transforms are written in: sums and products by constants, of numbers that may be zero.

A transform is a straight line of these. None stands for a number that is known to be zero, so what
depends on zeros alone is never computed; what nobody uses is never stored, and a compiler drops it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, TypeAlias

Number: TypeAlias = Any
"""Whatever the arithmetic works on, or None for zero."""

Complex: TypeAlias = tuple[Number, Number]

_TINY = 1e-12


class Arithmetic(ABC):
    """Real and complex operations, given those on numbers that are not known to be zero."""

    @abstractmethod
    def plus(self, x: Number, y: Number) -> Number:
        """Return x + y."""

    @abstractmethod
    def minus(self, x: Number, y: Number) -> Number:
        """Return x - y."""

    @abstractmethod
    def negative(self, x: Number) -> Number:
        """Return -x."""

    @abstractmethod
    def times(self, x: Number, factor: float) -> Number:
        """Return x times a constant."""

    @abstractmethod
    def times_plus(self, x: Number, factor: float, y: Number) -> Number:
        """Return x times a constant, plus y."""

    def add(self, x: Number, y: Number) -> Number:
        """Return x + y."""
        if x is None or y is None:
            return y if x is None else x
        return self.plus(x, y)

    def subtract(self, x: Number, y: Number) -> Number:
        """Return x - y."""
        if y is None:
            return x
        return self.negate(y) if x is None else self.minus(x, y)

    def negate(self, x: Number) -> Number:
        """Return -x."""
        return None if x is None else self.negative(x)

    def scale(self, x: Number, factor: float) -> Number:
        """Return x times a constant."""
        if x is None or abs(factor) < _TINY:
            return None
        if abs(factor - 1) < _TINY:
            return x
        return self.negate(x) if abs(factor + 1) < _TINY else self.times(x, factor)

    def scale_add(self, x: Number, factor: float, y: Number) -> Number:
        """Return x times a constant, plus y."""
        if x is None or abs(factor) < _TINY:
            return y
        if y is None:
            return self.scale(x, factor)
        if abs(factor - 1) < _TINY:
            return self.add(x, y)
        return self.subtract(y, x) if abs(factor + 1) < _TINY else self.times_plus(x, factor, y)

    def cadd(self, x: Complex, y: Complex) -> Complex:
        """Return x + y."""
        return self.add(x[0], y[0]), self.add(x[1], y[1])

    def csub(self, x: Complex, y: Complex) -> Complex:
        """Return x - y."""
        return self.subtract(x[0], y[0]), self.subtract(x[1], y[1])

    def conj(self, x: Complex) -> Complex:
        """Return the conjugate."""
        return x[0], self.negate(x[1])

    def cadd_i(self, x: Complex, y: Complex) -> Complex:
        """Return x + i y."""
        return self.subtract(x[0], y[1]), self.add(x[1], y[0])

    def csub_i(self, x: Complex, y: Complex) -> Complex:
        """Return x - i y."""
        return self.add(x[0], y[1]), self.subtract(x[1], y[0])

    def turn(self, x: Complex, factor: complex) -> Complex:
        """Return x times a constant of modulus 1."""
        re, im = factor.real, factor.imag
        if abs(abs(re) - abs(im)) < _TINY and x[0] is not None and x[1] is not None:
            return self._turn_by_eighths(x, re, im)
        return (
            self.scale_add(x[1], -im, self.scale(x[0], re)),
            self.scale_add(x[0], im, self.scale(x[1], re)),
        )

    def _turn_by_eighths(self, x: Complex, re: float, im: float) -> Complex:
        """Return x times r (1 + i), say: two sums and two products instead of four products."""
        total, difference = self.add(x[0], x[1]), self.subtract(x[0], x[1])
        # (a + ib)(re + i im) with |re| = |im|: a re - b im and a im + b re.
        first = self.scale(difference if re * im > 0 else total, re)
        second = self.scale(total if re * im > 0 else difference, im)
        return first, second
