"""Whether numba compiles here, and if not, why: asked before anything is made to depend on it."""

from __future__ import annotations

from functools import cache
from typing import Any


@cache
def obstacle() -> str | None:
    """Say what keeps the kernels from being compiled, as the end of a sentence; None if nothing.

    A numba that is installed may still refuse to be imported (beside another numpy, say), be
    forbidden to compile, or fail to. So it is imported, and compiles the smallest of our functions,
    which every other needs as much: read from the disk cache it takes milliseconds.
    """
    try:
        import numba
    except ModuleNotFoundError as error:
        if error.name == "numba":
            return "needs numba, which is not installed"
        return _because("cannot be imported", error)
    except Exception as error:  # whatever it says, it is of no use
        return _because("cannot be imported", error)
    settings: Any = numba.config
    if settings.DISABLE_JIT:
        return "needs numba to compile, which NUMBA_DISABLE_JIT forbids"
    try:
        from fftconv.machine_code import shift

        shift.shift()
    except Exception as error:  # numba's and LLVM's errors have no common kind
        return _because("cannot compile", error)
    return None


def _because(what: str, error: Exception) -> str:
    said = str(error).strip().splitlines()
    return f"needs numba, which {what} here: {said[0] if said else type(error).__name__}"
