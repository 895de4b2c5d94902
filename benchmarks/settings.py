"""Which variables of the environment change what a call does, or how fast it is.

A measurement is one of these settings, too: each process that measures gets them, and each file of
results says which there were.
"""

import os
from collections.abc import Mapping

from benchmarks.cases import BUDGET_VARIABLE
from benchmarks.turns import (
    DEADLINE_VARIABLE,
    PATIENCE_VARIABLE,
    TOGETHER_VARIABLE,
    TURNS_VARIABLE,
)

# Of the package, of what compiles its kernels, of the threads' and mathematics' libraries under
# torch, and of the C library's memory.
_PREFIXES = (
    "FFTCONV_",
    "NUMBA_",
    "TBB_",
    "OMP_",
    "GOMP_",
    "KMP_",
    "MKL_",
    "OPENBLAS_",
    "ONEDNN_",
    "DNNL_",
    "ATEN_",
    "TORCH_",
    "TORCHINDUCTOR_",
    "PYTORCH_",
    "BLIS_",
    "NUMEXPR_",
    "VECLIB_",
    "MALLOC_",
    "MIMALLOC_",
    "LLVM_",
)
_NAMES = ("GLIBC_TUNABLES", "LD_PRELOAD", "LD_LIBRARY_PATH", "PYTHONMALLOC", "PYTHONOPTIMIZE")
# Where things are found and kept: a process needs them to find the user's calibration and caches,
# and no time depends on where a cache is.
_PLACES = (
    *("NUMBA_CACHE_DIR", "TORCHINDUCTOR_CACHE_DIR", "TORCH_HOME"),
    *("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"),
)
# Which cells are tried, and for how long: their times are the same.
_PACE = (BUDGET_VARIABLE, DEADLINE_VARIABLE, TURNS_VARIABLE)
_OWN = (TOGETHER_VARIABLE,)


def _is_setting(name: str) -> bool:
    return name.startswith(_PREFIXES) or name in _NAMES


def passed_on(environ: Mapping[str, str] | None = None) -> list[str]:
    """Return the names of the variables that a process which measures has to get, sorted."""
    names = os.environ if environ is None else environ
    return sorted(name for name in names if _is_setting(name) or name in _PLACES)


def in_force(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the variables under which a time was measured that another setting may change.

    Examples
    --------
    >>> in_force({"HOME": "/home/a", "OMP_NUM_THREADS": "1", "NUMBA_CACHE_DIR": "/tmp"})
    {'OMP_NUM_THREADS': '1'}
    """
    values = os.environ if environ is None else environ
    left_out = (*_PLACES, *_PACE, *_OWN)
    found = {name: values[name] for name in passed_on(values) if name not in left_out}
    # Patience says how long a quiet moment is waited for; with none, each moment counts.
    if PATIENCE_VARIABLE in found and _is_positive(found[PATIENCE_VARIABLE]):
        del found[PATIENCE_VARIABLE]
    return found


def _is_positive(text: str) -> bool:
    try:
        return float(text) > 0
    except ValueError:
        return False


def written(settings: Mapping[str, str]) -> str:
    """Write settings as a shell takes them, for a line of text or of metadata.

    Examples
    --------
    >>> written({"OMP_NUM_THREADS": "1", "NUMBA_OPT": "2"})
    'NUMBA_OPT=2 OMP_NUM_THREADS=1'
    """
    return " ".join(f"{name}={value}" for name, value in sorted(settings.items()))
