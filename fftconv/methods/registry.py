"""The registry: which methods there are, what each supports, and why one is not available here."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fftconv.methods.compiled.method import Compiled
from fftconv.methods.description import describe
from fftconv.methods.native.method import Native
from fftconv.methods.overlap_save.method import OverlapSave
from fftconv.methods.scipy.direct import Direct
from fftconv.methods.scipy.fft import FFT

if TYPE_CHECKING:
    from fftconv.methods.description import Description
    from fftconv.methods.method import Method

AUTO = "auto"

FALLBACK = Native()
"""What ``auto`` takes where nothing else can do a case."""

REGISTRY: dict[str, Method] = {
    method.name: method for method in (Direct(), FFT(), FALLBACK, Compiled(), OverlapSave())
}
"""Name to method. Making an instance is cheap: a method imports its backend at its first use."""

generation = 0
"""Raised when a method is registered: part of the key of whatever is kept between calls."""


def register(method: Method) -> None:
    """Add a method under its name, or put it in the place of the one of that name."""
    global generation
    REGISTRY[method.name] = method
    generation += 1


def unregister(name: str) -> None:
    """Take a method away."""
    global generation
    del REGISTRY[name]
    generation += 1


def methods() -> dict[str, Description]:
    """Return what ``method=`` takes: each name with what it supports and whether it is here.

    Returns
    -------
    dict of str to Description
        The methods in the order of the registry, and ``auto``.

    Examples
    --------
    >>> sorted(methods())
    ['auto', 'compiled', 'direct', 'fft', 'native', 'overlap_save']
    >>> methods()["direct"].cuda
    'no'
    """
    described = {name: describe(method) for name, method in REGISTRY.items()}
    described[AUTO] = replace(
        described[FALLBACK.name],
        name=AUTO,
        backend="any of these",
        summary="chooses a method for each case, never fails where native would not",
    )
    return described


def check_name(name: object) -> str:
    """Return `name` if it names a method.

    Raises
    ------
    TypeError
        If `name` is no string.
    ValueError
        If there is no such method.
    """
    if not isinstance(name, str):
        raise TypeError(f"method must be a string, got {type(name).__name__}")
    if name != AUTO and name not in REGISTRY:
        raise ValueError(f"method must be one of {', '.join([*REGISTRY, AUTO])}, got {name!r}")
    return name


def get(name: str) -> Method:
    """Return the method called `name`, which is not ``auto``.

    Raises
    ------
    ValueError
        If there is no such method.
    RuntimeError
        If it cannot be used on this machine.
    """
    method = REGISTRY[check_name(name)]
    reason = method.unavailable()
    if reason is not None:
        raise RuntimeError(reason)
    return method
