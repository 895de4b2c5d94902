"""Memory that is kept between calls."""

import itertools
import threading

import pytest
import torch

from fftconv.machine_code import scratch
from fftconv.machine_code.scratch import Scratch, aligned


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep nothing yet, and no more than 1 KiB."""
    monkeypatch.setattr(scratch, "_kept", scratch._Kept())
    monkeypatch.setattr(scratch, "KEPT_BYTES", 1024)


def kept() -> list[int]:
    return [size for size, *_ in scratch._kept.pieces]


def test_pieces_begin_at_lines_and_do_not_overlap() -> None:
    with Scratch(1, 65, 64) as places:
        assert [place % 64 for place in places] == [0, 0, 0]
        assert [b - a for a, b in itertools.pairwise(places)] == [64, 128]


def test_the_next_call_gets_the_same_memory() -> None:
    with Scratch(200) as (first,):
        assert kept() == []
    with Scratch(100) as (second,):
        assert second == first
    assert len(kept()) == 1


def test_a_call_within_a_call_gets_other_memory_and_both_are_kept() -> None:
    for _ in range(3):
        with Scratch(200) as (outer,), Scratch(200) as (inner,):
            assert abs(inner - outer) >= 200
    assert len(kept()) == 2


def test_the_smallest_that_is_large_enough_is_taken() -> None:
    with Scratch(400) as (large,), Scratch(100) as (small,):
        pass
    with Scratch(90) as (place,):
        assert place == small
    with Scratch(300) as (place,):
        assert place == large


def test_no_more_is_kept_than_allowed() -> None:
    with Scratch(500), Scratch(300), Scratch(400):
        pass
    assert sum(kept()) <= 1024
    assert max(kept()) >= 500
    before = kept()
    with Scratch(2000):
        pass
    assert kept() == before


def test_each_thread_has_its_own() -> None:
    with Scratch(200):
        pass
    found: list[list[int]] = []
    thread = threading.Thread(target=lambda: found.append(kept()))
    thread.start()
    thread.join()
    assert found == [[]]
    assert kept()


def test_lines_are_found_in_any_tensor() -> None:
    memory = torch.empty(200, dtype=torch.uint8)
    for start in range(64):
        place = aligned(memory[start:])
        assert place % 64 == 0
        assert 0 <= place - memory[start:].data_ptr() < 64
