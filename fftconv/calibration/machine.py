"""What a machine needs for each kind of work: measured once, kept in one small file."""

from __future__ import annotations

import os
import platform
import tempfile
import warnings
from functools import cached_property, lru_cache, partial
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import torch

if TYPE_CHECKING:
    from collections.abc import Callable

    from fftconv.geometry import Pair

#: Names a calibration file in place of the one in the user's data directory.
FILE_VARIABLE = "FFTCONV_CALIBRATION"
SCHEMA = 5
#: One side of the tiles that show what the other side costs.
STRIP = 128


class Rate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Seconds per multiply-add of torch's convolution, by the side of the filter.

    ``channels`` are (channels per group of the input, of the output, groups).
    """

    channels: tuple[int, int, int]
    sides: tuple[int, ...]
    forward: tuple[float, ...]
    grad_input: tuple[float, ...]
    grad_weight: tuple[float, ...]


class Call(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Seconds of a call beside its work, of the forward pass and of a gradient."""

    forward: float
    gradient: float


class Tile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Thread-seconds per pixel of the way of a real tile, there or back.

    There it is cut and transformed, back it is transformed and put in place; this is the mean.
    ``wide`` is of a tile of `STRIP` rows with `side` columns, ``tall`` of one of `side` rows with
    `STRIP` columns, ``square`` of one with as many rows as columns.
    """

    side: int
    wide: float
    tall: float
    square: float


class Dense(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Thread-seconds of correlations of many channels (`overlap_save.many_channels.cost`).

    Attributes
    ----------
    product
        Per complex multiply-add of the products of spectra.
    transform
        Per channel and step of a tile's transform.
    filter
        Per byte of a weight's spectra that are made anew.
    native
        Per multiply-add of torch's convolution, at its fastest.
    """

    product: float
    transform: float
    filter: float
    native: float


class Generated(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Thread-seconds of the way of a tile by generated transforms, there or back.

    Per pixel and step of its logarithm: ``near`` of tiles that the first cache holds, ``far`` of
    those that it does not.
    """

    near: float
    far: float


class Precision(msgspec.Struct, frozen=True, forbid_unknown_fields=True, dict=True):
    """Everything that depends on the dtype.

    Attributes
    ----------
    native
        Rates of torch's convolution for several numbers of channels.
    compiled
        Thread-seconds for one of each count of `fftconv.methods.compiled.division.Work`.
    tiles
        By increasing side.
    product
        Thread-seconds per pixel of a tile whose spectrum is multiplied by another and added.
    plane, filter, matrix
        Thread-seconds of a product of many tiles' spectra over channels: per complex number of a
        plane of tiles, per one of a filter, and per multiply-add.
    copy
        Thread-seconds per element of a plane that is cut out or put back.
    dense
        Of correlations of many channels, None to take those of the processor's kind.
    generated
        Of tiles by generated transforms, None to take those of the processor's kind.
    """

    native: tuple[Rate, ...]
    compiled: tuple[float, float, float, float, float, float]
    tiles: tuple[Tile, ...]
    product: float
    plane: float
    filter: float
    matrix: float
    copy: float
    dense: Dense | None = None
    generated: Generated | None = None

    @cached_property
    def trips(self) -> dict[Pair, float]:
        """What `fftconv.methods.overlap_save.cost.trip` found for tiles: plans ask again and again.

        Kept here, it is forgotten with the constants that it follows from.
        """
        return {}


class Machine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The constants of one machine.

    ``native_call``, ``onednn_call``, ``compiled_call`` and ``fft_call`` are seconds per call of
    each backend: torch's own kernels, those that it leaves to oneDNN, numba's, transforms.
    ``onednn_filter`` is thread-seconds per number of a filter that oneDNN brings into its order.
    """

    schema: int
    processor: str
    threads: int
    torch: str
    native_call: Call
    onednn_call: Call
    onednn_filter: float
    compiled_call: float
    fft_call: float
    float32: Precision
    float64: Precision

    def precision(self, item_bytes: int) -> Precision:
        """Return the constants for elements of 4 or 8 bytes."""
        return self.float32 if item_bytes == 4 else self.float64


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
    return Path(path) if path else _users_file(os.environ.get("XDG_DATA_HOME"), Path.home())


@lru_cache(maxsize=8)
def _users_file(*_changes: object) -> Path:
    from platformdirs import user_data_path

    return user_data_path("fftconv", appauthor=False) / "calibration.json"


def save(machine: Machine, path: Path) -> None:
    """Write a calibration, whole or not at all; what was planned by another is planned anew.

    It goes where links lead, and into pipes and devices.
    """
    global generation
    data = msgspec.json.format(msgspec.json.encode(machine), indent=1)
    if path.exists() and not path.is_file():
        path.write_bytes(data)  # a pipe or a device is written to, and never replaced
        return
    path = Path(os.path.realpath(path))  # a link stays one
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink()
        raise
    generation += 1


def read(path: Path) -> Machine:
    """Read a calibration.

    Raises
    ------
    ValueError
        If the file is broken, of another version, or of another processor.
    OSError
        If it cannot be read.
    """
    machine = msgspec.json.decode(path.read_bytes(), type=Machine)
    if machine.schema != SCHEMA:
        raise ValueError(f"it has version {machine.schema}, this fftconv reads {SCHEMA}")
    if machine.processor != processor():
        raise ValueError(f"it was measured on {machine.processor!r}, this is {processor()!r}")
    return machine


def defaults() -> Machine:
    """Return the constants that ship with the package."""
    data = resources.files("fftconv.calibration").joinpath("defaults.json").read_bytes()
    return msgspec.json.decode(data, type=Machine)


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
        if FILE_VARIABLE in os.environ:
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
