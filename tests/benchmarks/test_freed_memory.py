"""Memory that calls free stays with a process that measures, whatever it did before."""

import os
import platform
import subprocess
import sys

import pytest

# The four blocks together are more than twice the largest, which is what glibc keeps by itself.
_PROGRAM = """
import resource, sys
import numpy as np

def call():
    blocks = [np.ones(1_000_000) for _ in range(4)]

def faults(calls=20):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(calls):
        call()
    return (resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / calls

if sys.argv[1] == "kept":
    from benchmarks import freed_memory
    assert freed_memory.keep() is (sys.argv[2] == "True"), sys.argv
elif sys.argv[1] == "measured":
    from benchmarks.sampler import Cell
    Cell(lambda: call)
faults(10)
print(faults())
"""
_GLIBC = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="mallopt is glibc's")


def _faults(*arguments: str, **variables: str) -> float:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MALLOC_")}
    environment.pop("GLIBC_TUNABLES", None)
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, *arguments],
        env=environment | {"OPENBLAS_NUM_THREADS": "1", **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)


@_GLIBC
@pytest.mark.parametrize("arguments", [("kept", "True"), ("measured",)])
def test_no_page_is_fetched_again(arguments) -> None:
    assert _faults("plain") > 1000
    assert _faults(*arguments) < 10


@_GLIBC
@pytest.mark.parametrize(
    "variables",
    [
        {"MALLOC_TRIM_THRESHOLD_": "131072", "MALLOC_MMAP_THRESHOLD_": "1048576"},
        {"GLIBC_TUNABLES": "glibc.malloc.mmap_threshold=1048576"},
    ],
)
def test_what_the_user_said_holds(variables) -> None:
    assert _faults("kept", "False", **variables) > 1000


def test_another_c_library_is_left_alone(monkeypatch) -> None:
    from benchmarks import freed_memory

    monkeypatch.setattr(freed_memory.platform, "libc_ver", lambda: ("musl", "1.2"))
    monkeypatch.setattr(freed_memory.ctypes, "CDLL", lambda _: pytest.fail("called"))
    assert freed_memory.keep() is False


@_GLIBC
def test_a_study_shows_what_pages_cost() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.page_faults", "--seconds", "0", "--methods", "fft"],
        env={k: v for k, v in os.environ.items() if not k.startswith(("MALLOC_", "GLIBC_"))},
        capture_output=True,
        text=True,
        check=True,
    )
    head = " ".join(done.stdout.splitlines()[1].split())
    assert head == "nothing 32 MiB freed as the suite"
    cells = {tuple(line.split()[:3]): line.split()[3:] for line in done.stdout.splitlines()[2:]}
    assert list(cells) == [("fft", "forward", "512/3"), ("fft", "backward", "512/31")]
    # What torch's convolution takes new depends on the processor; scipy's spectra do not.
    us, pages = (cells["fft", "backward", "512/31"][column::2] for column in (0, 1))
    assert all(float(value) > 0 for value in us)
    assert float(pages[0]) > 1000 > 100 > float(pages[-1])
