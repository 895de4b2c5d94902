"""The constants of the machine at hand: measured once and kept in a small file, or shipped."""

from __future__ import annotations

import os
import platform
import stat
import warnings
from functools import lru_cache, partial
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import torch

from fftconv._files import write
from fftconv.calibration.constants import SCHEMA, Machine, check

if TYPE_CHECKING:
    from collections.abc import Callable

#: Names a calibration file in place of the one in the user's data directory.
FILE_VARIABLE = "FFTCONV_CALIBRATION"
#: By what torch says of the vectors and whether it is AMD's, the constants of a processor that was
#: measured (a Zen 3, a Zen 4, a Xeon). MKL, which transforms tiles, is thrice as slow on AMD's.
SHIPPED = {
    ("AVX2", True): "amd-avx2.json",
    ("AVX2", False): "amd-avx2.json",
    ("AVX512", True): "amd-avx512.json",
    ("AVX512", False): "intel-avx512.json",
}


#: Where the files of somebody without a home would be: nobody has them, or can write there.
NOWHERE = Path("/nonexistent/fftconv/calibration.json")


@lru_cache(maxsize=1)
def processor() -> str:
    """Name the processor and the vector instructions that torch uses on it."""
    name = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next(
            line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")
        )
    except (OSError, StopIteration):
        pass
    return f"{name}, {torch.backends.cpu.get_cpu_capability()}"


def _by_amd(name: str) -> bool:
    """Whether a processor is AMD's, by its name on Linux or what Windows says of it.

    Windows calls the machine AMD64 whoever made its processor.
    """
    return name.startswith("AMD ") or "AuthenticAMD" in name


def _raw_variable() -> Callable[[], object]:
    """Return what tells whether the variable has changed, in a fraction of `os.environ.get`'s time.

    It is asked at every call of conv2d, and `os.environ.get` takes as long as a small convolution.
    """
    try:
        stored: dict[object, object] = os.environ._data  # type: ignore[attr-defined]
        return partial(stored.get, os.environ.encodekey(FILE_VARIABLE))
    except AttributeError:  # another Python's os.environ
        return partial(os.environ.get, FILE_VARIABLE)


named = _raw_variable()
"""What `FILE_VARIABLE` says, as it is stored: part of the key of whatever is kept between calls."""

generation = 0
"""Raised when another calibration is found: part of the same keys."""


def calibration_file() -> Path:
    """Return where this user's calibration is, or would be."""
    path = os.environ.get(FILE_VARIABLE)
    return Path(path) if path else _users_file(os.environ.get("XDG_DATA_HOME"), _home())


def _home() -> Path | None:
    try:
        return Path.home()
    except RuntimeError:  # a user whom the system does not know
        return None


@lru_cache(maxsize=8)
def _users_file(data: str | None, home: Path | None) -> Path:
    from platformdirs import user_data_path

    if home is None and not data:
        return NOWHERE
    return user_data_path("fftconv", appauthor=False) / "calibration.json"


def save(machine: Machine, path: Path) -> None:
    """Write a calibration (`fftconv._files.write`); what was planned by another is planned anew."""
    global generation
    write(path, msgspec.json.format(msgspec.json.encode(machine), indent=1))
    generation += 1


def read(path: Path) -> Machine:
    """Read a calibration.

    Raises
    ------
    ValueError
        If the file is broken, of another version or another processor, or has no such numbers; or
        if it is none: a pipe would be waited for, and a device may have no end.
    OSError
        If it cannot be read.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise ValueError("it is no file, but a folder, a pipe or a device")
    machine = msgspec.json.decode(path.read_bytes(), type=Machine)
    if machine.schema != SCHEMA:
        raise ValueError(f"it has version {machine.schema}, this fftconv reads {SCHEMA}")
    if machine.processor != processor():
        raise ValueError(f"it was measured on {machine.processor!r}, this is {processor()!r}")
    check(machine)
    return machine


def defaults() -> Machine:
    """Return the constants that ship with the package, of the kind that this processor is of.

    The kind is what torch says of its vectors, which make most of the difference, and the vendor.
    Whoever has neither AVX2 nor AVX-512 is taken to be as slow as the slowest.
    """
    kind = torch.backends.cpu.get_cpu_capability(), _by_amd(processor())
    name = SHIPPED.get(kind, SHIPPED["AVX2", True])
    folder = resources.files("fftconv.calibration") / "shipped"
    return msgspec.json.decode((folder / name).read_bytes(), type=Machine)


def current() -> Machine:
    """Return this user's calibration where there is a good one, else the defaults.

    A file that cannot be used is reported in one line, once. One that is new or has changed is
    read, and raises `generation`.
    """
    global _current, generation
    path = calibration_file()
    found = path, _stamp(path)
    if _current is None or _current[0] != found:
        generation += _current is not None
        _current = found, _read_or_defaults(path)
    return _current[1]


def known() -> Machine:
    """Return what `current` found last, without a look at its file: a plan asks many times."""
    return current() if _current is None else _current[1]


_current: tuple[object, Machine] | None = None


def _stamp(path: Path) -> object:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def _read_or_defaults(path: Path) -> Machine:
    try:
        return read(path)
    except FileNotFoundError:
        if os.environ.get(FILE_VARIABLE):
            _ignore(path, "there is no such file")
    except (OSError, ValueError) as error:
        _ignore(path, str(error).splitlines()[0])
    return defaults()


def _ignore(path: Path, reason: str) -> None:
    warnings.warn(
        f"fftconv ignores the calibration {path}: {reason}; "
        f"'python -m fftconv calibrate' writes a new one",
        stacklevel=2,
    )
