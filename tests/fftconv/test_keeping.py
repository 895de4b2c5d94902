"""Compiled functions on disk: whatever is wrong with a file or a folder costs one compilation."""

import ctypes
import os
import random
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from numba import types
from numba.core import config
from numba.core.caching import IndexDataCacheFile

from fftconv.machine_code.keeping import Function


def double(numbers: Any) -> None:
    numbers[0] *= 2


def treble(numbers: Any) -> None:
    numbers[0] *= 3


def make(function: Any = double) -> bool:
    """Make a compiled function, see that it works, and return whether it came from the disk."""
    made = Function(function, types.void(types.CPointer(types.int64)))
    number = ctypes.c_int64(7)
    ctypes.CFUNCTYPE(None, ctypes.c_void_p)(made.address)(ctypes.addressof(number))
    assert number.value == (14 if function is double else 21)
    return bool(made.cache_hits)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path))
    return tmp_path


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_what_was_compiled_is_found_again(folder: Path) -> None:
    assert not make()
    assert {path.suffix for path in files(folder)} == {".nbi", ".nbc"}
    assert make()
    assert not make(treble)
    assert make(treble)


def flipped(data: bytes) -> bytes:
    """Turn over one bit, the place by chance."""
    place = random.Random(len(data)).randrange(8 * len(data))
    return data[: place // 8] + bytes([data[place // 8] ^ 1 << place % 8]) + data[place // 8 + 1 :]


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda data: b"",
    "one byte": lambda data: data[:1],
    "cut in the hash": lambda data: data[:20],
    "cut after the hash": lambda data: data[:32],
    "cut in half": lambda data: data[: len(data) // 2],
    "cut at the end": lambda data: data[:-1],
    "zeros": lambda data: bytes(len(data)),
    "zeros at the end": lambda data: data[:-100] + bytes(100),
    "a bit": flipped,
    "more at the end": lambda data: data + b"more",
    "a pickle of something else": lambda data: b"\x80\x04\x88.",
    "text": lambda data: b"<<<<<<< HEAD",
}


@pytest.mark.parametrize("suffix", [".nbi", ".nbc"])
@pytest.mark.parametrize("how", DAMAGES)
def test_a_damaged_file_costs_one_compilation(folder: Path, suffix: str, how: str) -> None:
    make()
    for path in files(folder):
        if path.suffix == suffix:
            path.write_bytes(DAMAGES[how](path.read_bytes()))
    assert not make()
    assert make()


def test_what_numba_wrote_by_itself_is_not_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make()
    ours = {path: path.read_bytes() for path in files(folder)}
    for path in ours:
        # Without the hash: what numba's own index and data files begin with.
        path.write_bytes(ours[path][32:])
    assert not make()
    assert {path: path.read_bytes() for path in files(folder)}.keys() == ours.keys()
    assert make()


def test_a_file_of_another_function_is_not_taken_for_this_one(folder: Path) -> None:
    make(double)
    make(treble)
    both = [path for path in files(folder) if path.suffix == ".nbc"]
    shutil.copy(*both)
    assert sorted([make(double), make(treble)]) == [False, True]
    assert make(double)
    assert make(treble)


@pytest.mark.parametrize("suffix", [".nbi", ".nbc"])
def test_a_missing_file_costs_one_compilation(folder: Path, suffix: str) -> None:
    make()
    next(path for path in files(folder) if path.suffix == suffix).unlink()
    assert not make()
    assert make()


@pytest.mark.parametrize("suffix", [".nbi", ".nbc"])
def test_a_folder_in_the_place_of_a_file(folder: Path, suffix: str) -> None:
    make()
    path = next(path for path in files(folder) if path.suffix == suffix)
    path.unlink()
    path.mkdir()
    assert not make()
    assert not make()


@contextmanager
def full_disk() -> Iterator[None]:
    """Let no file grow, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_keeps_nothing_and_damages_nothing(folder: Path) -> None:
    with full_disk():
        assert not make()
        assert not make()
    assert files(folder) == []
    assert not make()
    with full_disk():
        assert make()
        assert not make(treble)
    assert make()


def test_a_disk_that_fills_up_between_two_files(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("fftconv.machine_code.keeping.File._save_data", full)
        assert not make()
    assert [path.suffix for path in files(folder)] == [".nbi"]
    assert not make()
    assert make()


def test_a_folder_that_can_only_be_read_is_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    make()
    # Other users see it so; the superuser, whom no permission stops, may run this test.
    monkeypatch.setattr("numba.core.caching._CacheLocator.ensure_cache_path", refuse)
    monkeypatch.setattr(IndexDataCacheFile, "_open_for_write", refuse)
    monkeypatch.setattr("numba.core.caching.CacheImpl._locator_classes", _locators())
    assert make()
    assert not make(treble)


def _locators() -> list[Any]:
    """Return numba's kinds of places, of which the last always can be had."""
    from numba.core.caching import CacheImpl

    class Elsewhere(CacheImpl._locator_classes[1]):  # type: ignore[misc,name-defined]
        @classmethod
        def from_function(cls, function: Any, file: str) -> Any:
            return cls(function, file)

        def get_cache_path(self) -> str:
            return "/nowhere"

    return [*CacheImpl._locator_classes, Elsewhere]


def test_a_folder_that_processors_share(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = "numba.core.codegen.JITCPUCodegen.magic_tuple"
    from numba.core.codegen import JITCPUCodegen

    original = JITCPUCodegen.magic_tuple

    def there(codegen: Any) -> tuple[str, ...]:
        return (*original(codegen)[:1], "another processor", "+other")

    make()
    with monkeypatch.context() as patch:
        patch.setattr(here, there)
        assert not make()
        assert make()
    assert make()
    assert len(files(folder)) == 3


def test_other_settings_of_numba_are_another_function(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make()
    with monkeypatch.context() as patch:
        patch.setattr(config, "BOUNDSCHECK", 1)
        assert not make()
        assert make()
    assert make()


_CALLS = """
import torch
import fftconv

for channels, method in ((16, "overlap_save"), (1, "overlap_save"), (2, "compiled")):
    x = torch.ones(1, channels, 20, 20, requires_grad=True)
    w = torch.ones(channels, channels, 3, 3, requires_grad=True)
    torch.autograd.grad(fftconv.conv2d(x, w, padding=1, method=method).sum(), (x, w))
"""


def test_another_process_compiles_nothing_of_what_the_methods_call(tmp_path: Path) -> None:
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    kept = []
    for _ in range(2):
        subprocess.run([sys.executable, "-c", _CALLS], env=environment, check=True)
        kept.append({file: file.stat().st_mtime_ns for file in tmp_path.rglob("*.nb*")})
    assert any("product_job" in file.name for file in kept[0])
    assert kept[1] == kept[0]


_PRECISION = """
import sys
import torch
import fftconv

for dtype, most in ((torch.float32, 1e-5), (torch.float64, 1e-12)):
    if str(dtype) in sys.argv[1:]:
        x, w = torch.rand(1, 57, 21, 20, dtype=dtype) - 0.5, torch.rand(50, 57, 3, 3, dtype=dtype)
        found = fftconv.conv2d(x, w, padding=1, method="overlap_save")
        wanted = torch.nn.functional.conv2d(x, w, padding=1)
        assert (found - wanted).abs().max() <= most * wanted.abs().max()
"""


def test_what_two_processes_compiled_serves_a_third(tmp_path: Path) -> None:
    """They number their functions alike, and number is all that numba tells some apart by."""
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    kinds = "torch.float32", "torch.float64"
    for some in ((kinds[0],), (kinds[1],), kinds):
        subprocess.run([sys.executable, "-c", _PRECISION, *some], env=environment, check=True)
