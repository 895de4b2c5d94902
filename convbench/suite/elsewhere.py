"""What holds of any suite: where another project's is judged, or this one's is not there."""

import os
from collections.abc import Mapping

# Threads, mathematics and memory of the libraries that numerical code is made of: a part of what
# benchmarks.settings lists for this suite, which tests compare.
_PREFIXES = (
    *("OMP_", "GOMP_", "KMP_", "TBB_", "MKL_", "OPENBLAS_", "BLIS_", "NUMEXPR_", "VECLIB_"),
    *("NUMBA_", "MALLOC_", "MIMALLOC_"),
)
_NAMES = ("GLIBC_TUNABLES", "LD_PRELOAD", "LD_LIBRARY_PATH", "PYTHONMALLOC", "PYTHONOPTIMIZE")
_PLACES = ("NUMBA_CACHE_DIR",)

COUNTED_CELLS = r"(^|\.)(mem|peakmem|track)_\w*(\(|$)"
"""Cells whose values are no times: asv's thresholds serve them."""

NO_CELLS = r"(?!)"
"""Nobody has said which cells are of other people's code."""


def in_force(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the variables under which a time was measured that another setting may change.

    Examples
    --------
    >>> in_force({"HOME": "/home/a", "OMP_NUM_THREADS": "1", "NUMBA_CACHE_DIR": "/tmp"})
    {'OMP_NUM_THREADS': '1'}
    """
    values = os.environ if environ is None else environ
    return {
        name: values[name]
        for name in sorted(values)
        if (name.startswith(_PREFIXES) or name in _NAMES) and name not in _PLACES
    }
