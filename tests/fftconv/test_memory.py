"""How much memory there is: what the machine has, or less where the container may have less."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from fftconv.machine_code import memory

GIB = 1 << 30


@pytest.fixture
def limits(tmp_path, monkeypatch) -> Iterator[tuple[Path, Path]]:
    files = tmp_path / "memory.max", tmp_path / "memory.limit_in_bytes"
    monkeypatch.setattr(memory, "LIMITS", files)
    memory.memory_bytes.cache_clear()
    yield files
    memory.memory_bytes.cache_clear()


def test_the_machines(limits) -> None:
    assert memory.memory_bytes() == os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize("version", [0, 1])
def test_a_containers(limits, version: int) -> None:
    limits[version].write_text(f"{GIB // 2}\n")
    assert memory.memory_bytes() == GIB // 2


@pytest.mark.parametrize("text", ["max\n", f"{1 << 62}\n", "", "none"])
def test_no_limit(limits, text: str) -> None:
    limits[0].write_text(text)
    assert memory.memory_bytes() == os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def test_where_the_system_does_not_say(limits, monkeypatch) -> None:
    monkeypatch.delattr(os, "sysconf")
    assert memory.memory_bytes() == 4 * GIB


@pytest.mark.parametrize(
    ("said", "known"), [("2048K\n", 2 << 20), ("512K", 1 << 19), ("", 1 << 19), (None, 1 << 19)]
)
def test_a_cores_cache_is_what_the_system_says(said, known, monkeypatch, tmp_path) -> None:
    if said is not None:
        (tmp_path / "size").write_text(said)
    monkeypatch.setattr(memory, "CACHE", tmp_path / "size")
    assert memory.cache_bytes.__wrapped__() == known
