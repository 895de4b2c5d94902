"""Methods of other packages: found by their entry points, or named by the environment."""

from __future__ import annotations

import importlib
import os
import warnings
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from fftconv.methods.method import Method

if TYPE_CHECKING:
    from collections.abc import Iterator

GROUP = "fftconv.methods"
"""The group of entry points: each names a method, or its class."""

VARIABLE = "FFTCONV_METHODS"
"""Names modules, with commas between them, that register methods when they are imported."""


def import_named() -> None:
    """Import the modules that the environment names.

    Raises
    ------
    ImportError
        If there is no such module; whatever it raises itself is passed on.
    """
    for name in os.environ.get(VARIABLE, "").split(","):
        if name.strip():
            importlib.import_module(name.strip())


def installed() -> Iterator[Method]:
    """Yield the methods of installed packages; one that cannot be loaded is a warning's line."""
    for point in entry_points(group=GROUP):
        try:
            found = point.load()
            method = found() if isinstance(found, type) else found
        except Exception as error:
            lines = str(error).splitlines() or [""]
            _ignore(point.name, f"{type(error).__name__}: {lines[0]}")
            continue
        if isinstance(method, Method):
            yield method
        else:
            _ignore(point.name, f"{point.value} is no fftconv.Method")


def _ignore(name: str, reason: str) -> None:
    warnings.warn(f"fftconv ignores the entry point {name!r}: {reason}", stacklevel=4)
