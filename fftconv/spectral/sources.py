"""What the compiled functions are made of, for the key under which they are kept on disk."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from fftconv.kernels import entry

_SOURCES = (
    "analysis", "arithmetic", "codelets", "fields", "product", "synthesis", "transforms",
    "transposes",
)  # fmt: skip


@cache
def source_hash() -> str:
    """Hash the sources: numba itself looks only at the file of a cached function."""
    here = Path(__file__).parent
    digest = hashlib.sha256(entry.source_hash().encode())
    for name in _SOURCES:
        digest.update((here / f"{name}.py").read_bytes())
    return digest.hexdigest()
