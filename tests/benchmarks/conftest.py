"""Turns that are short, and a place of their own for what is kept of the machine."""

from pathlib import Path

import pytest

from benchmarks import sampler


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def short(monkeypatch) -> None:
    """Have turns of a millisecond, which threads that spin may fill, and no rest between rounds."""
    monkeypatch.setattr(sampler, "TURN_S", 0.001)
    monkeypatch.setattr(sampler, "_ROUND_S", 0.0)
    monkeypatch.setattr(sampler, "waited_s", lambda: 0.0)
