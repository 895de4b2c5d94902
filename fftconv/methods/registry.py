"""The registry: which methods there are, what each supports, and why one is not available here."""

from __future__ import annotations

import re
import warnings
from dataclasses import replace
from threading import local
from typing import TYPE_CHECKING

from fftconv.methods.compiled.method import Compiled
from fftconv.methods.description import describe
from fftconv.methods.loading import import_named, installed
from fftconv.methods.maps import MAPS
from fftconv.methods.matmul.method import Matmul
from fftconv.methods.method import Method
from fftconv.methods.native.method import Native
from fftconv.methods.overlap_save.method import OverlapSave
from fftconv.methods.scipy.direct import Direct
from fftconv.methods.scipy.fft import FFT

if TYPE_CHECKING:
    from fftconv.methods.description import Description

AUTO = "auto"
_NAME = re.compile(r"[A-Za-z0-9_.+-]+")

FALLBACK = Native()
"""What ``auto`` takes where nothing else can do a case."""

REGISTRY: dict[str, Method] = {
    method.name: method
    for method in (Direct(), FFT(), FALLBACK, Matmul(), Compiled(), OverlapSave())
}
"""Name to method. Making an instance is cheap: a method imports its backend at its first use."""

generation = 0
"""Raised when a method is registered: part of the key of whatever is kept between calls."""


_loaded = False
_loading = local()


def register(method: Method) -> None:
    """Make a method one of those that ``method=`` takes, everywhere.

    A package registers its own without being imported by an entry point of the group
    ``fftconv.methods``, which names the method's class; and ``FFTCONV_METHODS`` may name modules
    that do so when they are imported.

    Parameters
    ----------
    method
        An instance of a subclass of `fftconv.Method`.

    Raises
    ------
    ValueError
        If the name is taken, or no name.
    TypeError
        If it is no method, or lacks one of the three maps.

    Examples
    --------
    >>> class Again(Native):
    ...     name = "native"
    >>> register(Again())
    Traceback (most recent call last):
    ValueError: there is a method 'native' already
    """
    _check(method)
    if method.name == AUTO or method.name in REGISTRY:
        raise ValueError(f"there is a method {method.name!r} already")
    put(method)


def put(method: Method) -> None:
    """Add a method under its name, or put it in the place of the one of that name."""
    global generation
    REGISTRY[method.name] = method
    generation += 1


def unregister(name: str) -> None:
    """Take a method away."""
    global generation
    del REGISTRY[name]
    generation += 1


def load() -> None:
    """Register what other packages have to offer, once in a process.

    Not when fftconv is imported: such a package imports it, and may be the one that does so. There
    is no lock, since whoever held it would wait for the locks of imports: two threads may do it at
    once, and find the same.
    """
    global _loaded
    if _loaded or getattr(_loading, "here", False):
        return
    _loading.here = True
    try:
        import_named()
        for method in installed():
            _register_installed(method)
        _loaded = True
    finally:
        _loading.here = False


def _register_installed(method: Method) -> None:
    try:
        register(method)
    except (TypeError, ValueError) as error:
        # A package may have registered its own when it was imported.
        if type(REGISTRY.get(method.name)) is not type(method):
            warnings.warn(f"fftconv ignores an entry point: {error}", stacklevel=4)


def _check(method: object) -> None:
    if not isinstance(method, Method):
        hint = ", which is its class" if isinstance(method, type) else ""
        raise TypeError(f"a method must be an instance of fftconv.Method, got {method!r}{hint}")
    if not isinstance(method.name, str) or not _NAME.fullmatch(method.name):
        raise ValueError(
            f"a method's name must be letters, digits and _ - . +, got {method.name!r}"
        )
    cls = type(method)
    lacking = [name for name in MAPS if getattr(cls, name) is getattr(Method, name)]
    if lacking and cls.prepare is Method.prepare:
        raise TypeError(f"method {method.name!r} lacks {', '.join(lacking)}")


def methods() -> dict[str, Description]:
    """Return what ``method=`` takes: each name with what it supports and whether it is here.

    Returns
    -------
    dict of str to Description
        The methods in the order of the registry, and ``auto``.

    Examples
    --------
    >>> sorted(methods())
    ['auto', 'compiled', 'direct', 'fft', 'matmul', 'native', 'overlap_save']
    >>> methods()["direct"].cuda
    'no'
    """
    load()
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
        load()
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
