"""What the compiled functions are made of, for the key under which they are kept on disk."""

from __future__ import annotations

from fftconv.machine_code import compiling

_SOURCES = (
    "analysis", "blocks", "chunks", "codelets", "fields", "lengths", "pairs", "pieces", "product",
    "straight_lines", "sums", "synthesis",
)  # fmt: skip


def source_hash() -> str:
    """Hash the sources of this room that generate code."""
    return compiling.source_hash(__file__, *_SOURCES)
