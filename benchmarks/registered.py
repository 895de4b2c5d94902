"""Methods of somebody's that join the grid: those of the modules that ``FFTCONV_METHODS`` names.

They come last, and under the same names at every commit: asv and the gate tell cells by their place
in the list of parameters, also where a commit's fftconv cannot register a method yet.
"""

import importlib
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

VARIABLE = "FFTCONV_METHODS"


def modules(environ: Mapping[str, str] | None = None) -> list[str]:
    """Return the names of the modules.

    Examples
    --------
    >>> modules({"FFTCONV_METHODS": "mine.unfold, other"})
    ['mine.unfold', 'other']
    """
    text = (os.environ if environ is None else environ).get(VARIABLE, "")
    return [name.strip() for name in text.split(",") if name.strip()]


@cache
def names() -> tuple[str, ...]:
    """Import the modules, and return the names of the methods that they register."""
    wanted = modules()
    if not wanted:
        return ()
    with _recorded() as found, _beside_benchmarks():
        for module in wanted:
            if module in sys.modules:  # fftconv has imported it before
                importlib.reload(sys.modules[module])
            else:
                importlib.import_module(module)
    return tuple(dict.fromkeys(found))


@contextmanager
def _beside_benchmarks() -> Iterator[None]:
    """Let modules be found that lie beside this folder: asv and the gate import it alone.

    Last, and for no longer: the package of the commit that is measured must not be found there.
    """
    importlib.import_module("fftconv")
    folder = str(Path(__file__).parents[1])
    sys.path.append(folder)
    try:
        yield
    finally:
        sys.path.reverse()
        sys.path.remove(folder)
        sys.path.reverse()


@contextmanager
def _recorded() -> Iterator[list[str]]:
    """Note which methods are registered; let them be registered where this commit can do it."""
    import fftconv

    subject: Any = fftconv
    found: list[str] = []
    lacks = [name for name in ("Method", "Geometry", "Maps") if not hasattr(fftconv, name)]
    register = getattr(fftconv, "register", None)

    def recording(method: Any) -> None:
        found.append(method.name)
        if register is not None and method.name not in fftconv.methods():
            register(method)

    for name in lacks:
        setattr(subject, name, type(name, (), {}))
    subject.register = recording
    try:
        yield found
    finally:
        for name in lacks:
            delattr(subject, name)
        if register is None:
            del subject.register
        else:
            subject.register = register
