"""How many files a reader opens who follows a first call, and how often he goes back to one."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import pytest
import torch

import fftconv

ROOT = Path(fftconv.__file__).parent
MOST_FILES, MOST_RETURNS = 7, 4


def files_entered(call: Callable[[], object]) -> list[str]:
    """List the files of fftconv in whose functions a call arrives, one after the other."""
    entered: list[str] = []

    def profile(frame: FrameType, event: str, _: object) -> None:
        path = Path(frame.f_code.co_filename)
        if event == "call" and path.is_relative_to(ROOT):
            name = path.relative_to(ROOT).as_posix()
            if entered[-1:] != [name]:
                entered.append(name)

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        call()
    finally:
        sys.setprofile(before)
    return entered


@pytest.mark.parametrize("size", [(33, 34), (300, 310)], ids=["one thread", "several threads"])
def test_a_first_call_passes_few_files_and_seldom_goes_back(size: tuple[int, int]) -> None:
    torch.set_num_threads(2)
    w = torch.randn(1, 1, 3, 3)
    # What any call imports and compiles once in a process belongs to no case.
    fftconv.conv2d(torch.randn(1, 1, size[0] + 1, size[1]), w, method="compiled")
    x = torch.randn(1, 1, *size)
    entered = files_entered(lambda: fftconv.conv2d(x, w, method="compiled"))
    # How threads share the work of a large image, a reader of the method need not know.
    entered = [name for name in entered if not name.startswith("machine_code/")]
    assert entered == [
        "functional.py",
        "_case.py",
        "geometry.py",
        "_case.py",  # 1: checked; not prepared before
        "methods/method.py",
        "methods/compiled/method.py",
        "_case.py",  # 2: prepared, and kept
        "methods/compiled/method.py",  # 3: the first that asks for the forward map
        "methods/compiled/job.py",
        "methods/compiled/division.py",
        "methods/compiled/job.py",  # 4: made ready, and run
    ]
    assert len(set(entered)) <= MOST_FILES
    assert len(entered) - len(set(entered)) <= MOST_RETURNS


def test_a_second_call_goes_straight_to_the_job() -> None:
    x, w = torch.randn(1, 1, 35, 36), torch.randn(1, 1, 3, 3)
    fftconv.conv2d(x, w, method="compiled")
    assert files_entered(lambda: fftconv.conv2d(x, w, method="compiled")) == [
        "functional.py", "_case.py", "methods/compiled/method.py", "methods/compiled/job.py",
    ]  # fmt: skip
