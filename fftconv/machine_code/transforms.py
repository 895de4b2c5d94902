"""Fourier transforms of short lengths as straight lines: split radix, and radix three.

None of them divides by the length. Real inputs have spectra of length // 2 + 1.
"""

from __future__ import annotations

from cmath import exp, pi
from math import sqrt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from fftconv.machine_code.arithmetic import Arithmetic, Complex, Number

_SINE = sqrt(3) / 2


def _root(length: int, power: int) -> complex:
    return exp(-2j * pi * power / length)


def fft(e: Arithmetic, x: list[Complex]) -> list[Complex]:
    """Return the transform of complex numbers: sums of ``x[j] exp(-2 pi i j k / length)``."""
    n = len(x)
    if n == 1:
        return x
    if n == 2:
        return [e.cadd(x[0], x[1]), e.csub(x[0], x[1])]
    out: list[Complex] = [(None, None)] * n
    if n % 4 == 0:
        q = n // 4
        even, ones, threes = fft(e, x[0::2]), fft(e, x[1::4]), fft(e, x[3::4])
        for k in range(q):
            z, y = e.turn(ones[k], _root(n, k)), e.turn(threes[k], _root(n, 3 * k))
            a, b = e.cadd(z, y), e.csub(z, y)
            out[k], out[k + 2 * q] = e.cadd(even[k], a), e.csub(even[k], a)
            out[k + q], out[k + 3 * q] = e.csub_i(even[k + q], b), e.cadd_i(even[k + q], b)
    elif n % 3 == 0:
        m = n // 3
        thirds = [fft(e, x[j::3]) for j in range(3)]
        for k in range(m):
            turned = [e.turn(part[k], _root(n, j * k)) for j, part in enumerate(thirds)]
            out[k], out[k + m], out[k + 2 * m] = _three(e, *turned)
    else:
        raise ValueError(f"no transform of length {n}")
    return out


def rfft(e: Arithmetic, x: list[Number]) -> list[Complex]:
    """Return the first half of the transform of real numbers, and its middle."""
    n = len(x)
    if n == 1:
        return [(x[0], None)]
    if n == 2:
        return [(e.add(x[0], x[1]), None), (e.subtract(x[0], x[1]), None)]
    out: dict[int, Complex] = {}
    if n % 4 == 0:
        q = n // 4
        even = _hermitian(e, rfft(e, x[0::2]), 2 * q)
        ones, threes = (_hermitian(e, rfft(e, x[j::4]), q) for j in (1, 3))
        for k in range(q // 2 + 1):
            z, y = e.turn(ones(k), _root(n, k)), e.turn(threes(k), _root(n, 3 * k))
            a, b = e.cadd(z, y), e.csub(z, y)
            out[k] = e.cadd(even(k), a)
            if 2 * q - k not in out:
                out[2 * q - k] = e.conj(e.csub(even(k), a))
            if k + q not in out:
                out[k + q] = e.csub_i(even(k + q), b)
            if q - k not in out:
                out[q - k] = e.conj(e.cadd_i(even(k + q), b))
    elif n % 3 == 0:
        m = n // 3
        thirds = [_hermitian(e, rfft(e, x[j::3]), m) for j in range(3)]
        for k in range(m // 2 + 1):
            turned = [e.turn(part(k), _root(n, j * k)) for j, part in enumerate(thirds)]
            for place, value in zip((k, k + m, k + 2 * m), _three(e, *turned), strict=True):
                if place <= n // 2:
                    out.setdefault(place, value)
                elif n - place not in out:
                    out[n - place] = e.conj(value)
    else:
        raise ValueError(f"no transform of length {n}")
    half = [out[k] for k in range(n // 2 + 1)]
    return _real_ends(half, n)


def irfft(e: Arithmetic, spectrum: list[Complex], n: int) -> list[Number]:
    """Return the n real numbers, each times n, that `rfft` makes this spectrum of."""
    if n == 1:
        return [spectrum[0][0]]
    if n == 2:
        first, last = spectrum[0][0], spectrum[1][0]
        return [e.add(first, last), e.subtract(first, last)]
    if n == 3:
        mean, (re, im) = spectrum[0][0], spectrum[1]
        rest = e.subtract(mean, re)
        sine = 2 * _SINE
        return [
            e.scale_add(re, 2.0, mean), e.scale_add(im, -sine, rest), e.scale_add(im, sine, rest)
        ]  # fmt: skip
    x, out = _hermitian(e, spectrum, n), [None] * n
    if n % 4 == 0:
        q = n // 4
        even = [e.cadd(x(k), x(k + 2 * q)) for k in range(q + 1)]
        ones, threes = [], []
        for k in range(q // 2 + 1):
            a, b = e.csub(x(k), x(k + 2 * q)), e.csub(x(k + q), x(k + 3 * q))
            ones.append(e.turn(e.cadd_i(a, b), _root(n, -k)))
            threes.append(e.turn(e.csub_i(a, b), _root(n, -3 * k)))
        out[0::2] = irfft(e, _real_ends(even, 2 * q), 2 * q)
        out[1::4] = irfft(e, _real_ends(ones, q), q)
        out[3::4] = irfft(e, _real_ends(threes, q), q)
        return out
    if n % 3 == 0:
        m = n // 3
        thirds: list[list[Complex]] = [[], [], []]
        for k in range(m // 2 + 1):
            y0, y2, y1 = _three(e, x(k), x(k + m), x(k + 2 * m))  # backwards
            for j, y in enumerate((y0, y1, y2)):
                thirds[j].append(e.turn(y, _root(n, -j * k)))
        for j, part in enumerate(thirds):
            out[j::3] = irfft(e, _real_ends(part, m), m)
        return out
    raise ValueError(f"no transform of length {n}")


def _three(e: Arithmetic, a: Complex, b: Complex, c: Complex) -> tuple[Complex, Complex, Complex]:
    """Return the transform of three numbers."""
    total, difference = e.cadd(b, c), e.csub(b, c)
    rest = e.scale_add(total[0], -0.5, a[0]), e.scale_add(total[1], -0.5, a[1])
    return (
        e.cadd(a, total),
        (e.scale_add(difference[1], _SINE, rest[0]), e.scale_add(difference[0], -_SINE, rest[1])),
        (e.scale_add(difference[1], -_SINE, rest[0]), e.scale_add(difference[0], _SINE, rest[1])),
    )


def _hermitian(e: Arithmetic, half: list[Complex], n: int) -> Callable[[int], Complex]:
    """Return what gives any place of a spectrum of real numbers, from its first half."""
    return lambda k: half[k % n] if k % n <= n // 2 else e.conj(half[n - k % n])


def _real_ends(half: list[Complex], n: int) -> list[Complex]:
    """Drop the imaginary parts that are zero for every real input."""
    half[0] = half[0][0], None
    if n % 2 == 0:
        half[n // 2] = half[n // 2][0], None
    return half
