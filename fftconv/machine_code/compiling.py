"""Functions of a job, compiled for this processor and kept on disk for the next process.

A job is an array of 64-bit integers that lie beside each other: addresses, sizes, strides. Threads
that run the same function on the same job share its numbered pieces: each takes the next ticket
(`fftconv.machine_code.vectors.take_ticket`) until none is left. So the result does not depend on
the number of threads.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from numba import njit, types

from fftconv.machine_code.keeping import Function

#: A pointer to the fields of a job.
JOB: Any = types.CPointer(types.int64)

# Numba's ways in from Python and from C, which each function otherwise gets: a sixteenth of a first
# call's seconds. (Its annotations do not know these options.)
_ALONE: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
#: Compiles what a job calls and Python does not.
compiled: Any = njit(error_model="numpy", **_ALONE)

_SHARED = (
    "arithmetic", "compiling", "lanes", "placement", "rows", "shift", "tickets", "transforms",
    "transposes", "vectors", "winograd",
)  # fmt: skip


@cache
def source_hash(file: str, *others: str) -> str:
    """Hash the sources that a function is made from: numba itself looks only at the function's.

    Parameters
    ----------
    file
        The ``__file__`` of the module that the function is in.
    others
        Names of modules beside it that it is made from, too; those of this room go without saying.
    """
    digest = hashlib.sha256()
    shared = (Path(__file__).with_name(f"{name}.py") for name in _SHARED)
    beside = (Path(file).with_name(f"{name}.py") for name in others)
    for path in (Path(file), *beside, *shared):
        # Without sources numba keeps nothing on disk, and nothing depends on this.
        with suppress(OSError):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def compile_job(function: Any) -> Any:
    """Compile a function of a job, and keep it on disk for the next process."""
    return Function(function, types.void(JOB))
