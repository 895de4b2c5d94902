"""Large results ask for large pages, and nothing else does."""

import mmap

import pytest
import torch

import fftconv
from fftconv.machine_code import pages

PLAIN, SMALL = (1, 1, 1040, 1040), (1, 1, 256, 256)
MANY = (2, 64, 112, 112), (64, 64, 3, 3)
POINTWISE = (2, 64, 112, 112), (64, 64, 1, 1)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Gather the ranges of memory that the system is asked for, as (start, bytes)."""
    found: list[tuple[int, int]] = []

    def madvise(start: int, size: int, advice: int) -> int:
        assert advice == pages._ADVICE
        found.append((start, size))
        return -1  # as a system without large pages: it must not matter

    monkeypatch.setattr(pages, "_madvise", madvise)
    monkeypatch.setattr(pages, "_ADVICE", 14)
    return found


def lies_in(asked: list[tuple[int, int]], tensor: torch.Tensor) -> bool:
    first, last = tensor.data_ptr(), tensor.data_ptr() + tensor.nbytes
    return any(first <= start < start + size <= last for start, size in asked)


def test_whole_pages_within_the_memory(asked: list[tuple[int, int]]) -> None:
    made = pages.new(torch.empty(0), (pages.LARGE_BYTES // 4 + 1,))
    ((start, size),) = asked
    assert start % mmap.PAGESIZE == 0
    assert lies_in(asked, made)
    assert size > made.nbytes - mmap.PAGESIZE
    assert pages.room(pages.LARGE_BYTES).nbytes == pages.LARGE_BYTES
    assert len(asked) == 2


def test_small_memory_and_other_systems(
    asked: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert pages.new(torch.empty(0, dtype=torch.float64), (3, 5)).dtype == torch.float64
    pages.new(torch.empty(0, device="meta"), (1 << 30,))
    monkeypatch.setattr(pages, "_madvise", None)
    pages.room(pages.LARGE_BYTES)
    assert not asked


def test_room_is_the_cpus() -> None:
    with torch.device("meta"):
        assert pages.room(64).is_cpu


@pytest.mark.parametrize(
    ("method", "shapes", "is_large"),
    [
        *(
            (method, *case)
            for method in ("compiled", "overlap_save")
            for case in (
                ((PLAIN, (1, 1, 5, 5)), True), ((SMALL, (1, 1, 5, 5)), False), (MANY, True),
            )
        ),
        ("matmul", POINTWISE, True), ("matmul", (SMALL, (4, 1, 1, 1)), False),
        ("matmul", ((3, 8, 400, 300), (16, 4, 1, 1)), True),
    ],
)  # fmt: skip
def test_output_and_gradient(
    method: str, shapes: tuple[tuple[int, ...], ...], is_large: bool, asked: list[tuple[int, int]]
) -> None:
    x, w = (torch.rand(shape, requires_grad=True) for shape in shapes)
    groups = x.shape[1] // w.shape[1]
    y = fftconv.conv2d(x, w, groups=groups, method=method)
    assert lies_in(asked, y) == is_large
    torch.testing.assert_close(
        y, torch.nn.functional.conv2d(x, w, groups=groups), atol=1e-3, rtol=1e-4
    )
    asked.clear()
    gx, gw = torch.autograd.grad(y.sum(), (x, w))
    assert lies_in(asked, gx) == is_large
    assert not lies_in(asked, gw)
