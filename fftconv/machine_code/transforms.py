"""Fourier transforms of short lengths as straight lines: split radix, and radices three and five.

None of them divides by the length. Real inputs have spectra of length // 2 + 1.
"""

from __future__ import annotations

from cmath import exp, pi
from math import cos, sin, tau
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from fftconv.machine_code.arithmetic import Arithmetic, Complex, Number

_ODD = 3, 5
"""Radices of what is no multiple of four."""


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
    else:
        p, m = _parts(n)
        parts = [fft(e, x[j::p]) for j in range(p)]
        for k in range(m):
            turned = [e.turn(part[k], _root(n, j * k)) for j, part in enumerate(parts)]
            out[k::m] = _few(e, turned)
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
    else:
        p, m = _parts(n)
        parts = [_hermitian(e, rfft(e, x[j::p]), m) for j in range(p)]
        for k in range(m // 2 + 1):
            turned = [e.turn(part(k), _root(n, j * k)) for j, part in enumerate(parts)]
            for place, value in zip(range(k, n, m), _few(e, turned), strict=True):
                if place <= n // 2:
                    out.setdefault(place, value)
                elif n - place not in out:
                    out[n - place] = e.conj(value)
    half = [out[k] for k in range(n // 2 + 1)]
    return _real_ends(half, n)


def irfft(e: Arithmetic, spectrum: list[Complex], n: int) -> list[Number]:
    """Return the n real numbers, each times n, that `rfft` makes this spectrum of."""
    if n == 1:
        return [spectrum[0][0]]
    if n == 2:
        first, last = spectrum[0][0], spectrum[1][0]
        return [e.add(first, last), e.subtract(first, last)]
    if n in _ODD:
        (mean, _), *rest = spectrum
        return _odd(e, mean, [re for re, _ in rest], [im for _, im in rest], 2.0, -2.0)
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
    p, m = _parts(n)
    parts: list[list[Complex]] = [[] for _ in range(p)]
    for k in range(m // 2 + 1):
        y0, *others = _few(e, [x(k + j * m) for j in range(p)])
        for j, y in enumerate((y0, *reversed(others))):  # backwards
            parts[j].append(e.turn(y, _root(n, -j * k)))
    for j, part in enumerate(parts):
        out[j::p] = irfft(e, _real_ends(part, m), m)
    return out


def _parts(n: int) -> tuple[int, int]:
    """Return an odd radix, and the length of the parts that it leaves."""
    for p in _ODD:
        if n % p == 0:
            return p, n // p
    raise ValueError(f"no transform of length {n}")


def _few(e: Arithmetic, x: list[Complex]) -> list[Complex]:
    """Return the transform of as many numbers as an odd radix has."""
    pairs = [(x[j], x[-j]) for j in range(1, len(x) // 2 + 1)]
    sums, differences = ([of(a, b) for a, b in pairs] for of in (e.cadd, e.csub))
    (re, im), others = x[0], list(zip(sums, differences, strict=True))
    return list(
        zip(
            _odd(e, re, [s[0] for s, _ in others], [d[1] for _, d in others], 1.0, 1.0),
            _odd(e, im, [s[1] for s, _ in others], [d[0] for _, d in others], 1.0, -1.0),
            strict=True,
        )
    )


def _odd(
    e: Arithmetic, first: Number, evens: list[Number], odds: list[Number], even: float, odd: float
) -> list[Number]:
    """Return sums of cosines of even parts and sines of odd ones, at each place of a period."""
    half = len(evens)
    n, places = 2 * half + 1, range(half + 1)
    sums = [first] * (half + 1)
    for j, x in enumerate(evens, 1):
        sums = [e.scale_add(x, even * cos(tau * j * k / n), sums[k]) for k in places]
    out = [*sums, *reversed(sums[1:])]
    for j, y in enumerate(odds, 1):
        for k in places[1:]:
            sine = odd * sin(tau * j * k / n)
            out[k], out[-k] = e.scale_add(y, sine, out[k]), e.scale_add(y, -sine, out[-k])
    return out


def _hermitian(e: Arithmetic, half: list[Complex], n: int) -> Callable[[int], Complex]:
    """Return what gives any place of a spectrum of real numbers, from its first half."""
    return lambda k: half[k % n] if k % n <= n // 2 else e.conj(half[n - k % n])


def _real_ends(half: list[Complex], n: int) -> list[Complex]:
    """Drop the imaginary parts that are zero for every real input."""
    half[0] = half[0][0], None
    if n % 2 == 0:
        half[n // 2] = half[n // 2][0], None
    return half
