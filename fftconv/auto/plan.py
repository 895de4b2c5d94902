"""Which method serves a case when the user leaves the choice to us."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from math import inf
from typing import TYPE_CHECKING

import torch

from fftconv.auto.halves import casts_s, computed_bytes, own_s
from fftconv.calibration import machine
from fftconv.geometry import CASES_KEPT, Geometry, area, integer, one_form
from fftconv.methods import registry
from fftconv.methods.maps import GRADIENTS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fftconv.geometry import Size
    from fftconv.methods.maps import Map
    from fftconv.methods.method import Method

_MODELLED = (torch.float32, torch.float64)
#: Of what torch's own function takes for all maps, what others have to be predicted to stay below:
#: predictions of two methods differ by that much from what they take, and between a network's
#: layers each line of Python takes ten times as long. (ResNet-50's 1x1 layers in training, batch 1:
#: with one gradient of two by `compiled`, a quarter to a third longer for a twentieth predicted.)
WORTH_LEAVING = 0.95
RECORDING_CALLS = 7.5
"""What autograd's way through Python costs beside torch's own, in calls of a compiled kernel, which
are Python's work, too: 9 us where such a call takes 2 (Xeon), 35 to 45 where it takes 4 (Zen 3,
``python -m benchmarks.overhead``)."""
_ROOM = 3
"""A method that takes more memory than so many times input and output is not chosen."""
_PADDED = 1 << 28
"""Numbers of a padded input that any method may lay out, which torch itself does not: with wide
padding and few outputs they are out of all proportion to both."""


@dataclass(frozen=True)
class Plan:
    """What ``method="auto"`` does with a case, and why.

    Attributes
    ----------
    geometry, dtype, device
        The case.
    threads
        The number of threads that the prediction is for: torch's, when the plan was made.
    chosen
        Map ("forward" and, if gradients are wanted, "grad_input" and "grad_weight") to method.
    seconds
        Map to method to predicted seconds; empty where there was nothing to choose.
    excluded
        Method to the sentence that says why it was not considered.
    tile
        (height, width) of the transforms of `overlap_save`, None where it is not chosen.
    filter_bytes
        Bytes of the weight's spectra, beside three times input and output, where `overlap_save`
        multiplies over many channels; else 0.
    transforms
        Whose the transforms of these tiles are: "MKL", "generated code", "generated code
        (Winograd's)" or "torch.fft".
    """

    geometry: Geometry
    dtype: torch.dtype
    device: torch.device
    threads: int
    chosen: Mapping[Map, str]
    seconds: Mapping[Map, Mapping[str, float]]
    excluded: dict[str, str]
    tile: tuple[int, int] | None
    filter_bytes: int = 0
    transforms: str = ""

    @property
    def method(self) -> str:
        """The method of the forward pass."""
        return self.chosen["forward"]

    def __str__(self) -> str:
        """Lay out the predictions as a table, the chosen ones marked."""
        case = self.geometry
        lines = [
            f"input {case.input_shape}, weight {case.weight_shape}, {self.dtype}, "
            f"{self.device}, {self.threads} thread{'s' if self.threads > 1 else ''}"
        ]
        for name, method in self.chosen.items():
            cells = [
                f"{'>' if method == other else ' '}{other} {_duration(seconds)}"
                for other, seconds in self.seconds.get(name, {}).items()
            ]
            lines.append(f"{name:12s} " + "   ".join(cells or [f">{method}"]))
        if self.tile is not None:
            height, width = self.tile
            lines.append(
                f"overlap_save transforms tiles of {height} x {width} by {self.transforms}"
            )
        if self.filter_bytes:
            lines[-1] += f"; the weight's spectra take {self.filter_bytes / 1e6:.3g} MB"
        if "overlap_save" in self.chosen.values():
            lines.append(
                "errors are relative to the largest value of a tile "
                "(method='compiled' or 'native': of a sum)"
            )
        lines += [f"not {name}: {reason}" for name, reason in self.excluded.items()]
        return "\n".join(lines)


def plan(
    input_shape: Sequence[int],
    weight_shape: Sequence[int],
    stride: Size = 1,
    padding: Size | str = 0,
    dilation: Size = 1,
    groups: int = 1,
    *,
    dtype: torch.dtype = torch.float32,
    device: str | torch.device = "cpu",
    needs_grad: bool = False,
) -> Plan:
    """Say which method ``method="auto"`` takes for a case, and the predicted time of each.

    The layout of the tensors is not considered: channels_last is planned as contiguous is. Nor are
    their values. Where `overlap_save` is chosen, its error is relative to the largest value of a
    tile, and by Winograd's algorithm two to four times as large as native's: small values beside
    very large ones are lost, zeros may come out slightly negative, and a NaN spoils its whole tile.
    ``method="compiled"`` and ``method="native"`` sum directly, and have errors relative to what
    they sum.

    Parameters
    ----------
    input_shape, weight_shape
        (N, C_in, H, W) and (C_out, C_in / groups, kH, kW).
    stride, padding, dilation, groups
        As in `fftconv.conv2d`.
    dtype, device
        Of the tensors.
    needs_grad
        Whether both gradients are wanted too.

    Returns
    -------
    Plan
        Reads well when printed. A second call for the same case takes a few microseconds.

    Raises
    ------
    RuntimeError, TypeError
        If the shapes and numbers do not fit together, as in `fftconv.conv2d`.

    Examples
    --------
    >>> plan((1, 1, 512, 512), (1, 1, 5, 5)).method
    'compiled'
    """
    if not isinstance(dtype, torch.dtype):
        raise TypeError(f"dtype must be a torch.dtype, got {dtype!r}")
    registry.load()  # raises the generation, if there is something to load
    machine.current()  # raises its generation if there is a new one
    return _plan(
        _shape_of("input", input_shape, unbatched=True), _shape_of("weight", weight_shape),
        *one_form(stride, padding, dilation, groups), dtype, torch.device(device), needs_grad,
        (torch.get_num_threads(), machine.generation, registry.generation),
    )  # fmt: skip


@lru_cache(maxsize=CASES_KEPT)
def _plan(
    input_shape: tuple[int, ...],
    weight_shape: tuple[int, ...],
    stride: Size,
    padding: Size | str,
    dilation: Size,
    groups: int,
    dtype: torch.dtype,
    device: torch.device,
    needs_grad: bool,
    _settings: object,
) -> Plan:
    geometry = Geometry.of(input_shape, weight_shape, stride, padding, dilation, groups)
    return decide(geometry, dtype, device, needs_grad)


def decide(geometry: Geometry, dtype: torch.dtype, device: torch.device, needs_grad: bool) -> Plan:
    """Choose the methods of a checked geometry, as `plan` does."""
    registry.load()
    names: tuple[Map, ...] = ("forward", *GRADIENTS) if needs_grad else ("forward",)
    usable, excluded = _usable(geometry, dtype, device)
    threads = torch.get_num_threads()
    if len(usable) == 1:
        chosen: dict[Map, str] = dict.fromkeys(names, *usable)
        return Plan(geometry, dtype, device, threads, chosen, {}, excluded, None)
    item_bytes = computed_bytes(dtype)
    room = _ROOM * item_bytes * geometry.numbers

    def seconds_of(method: str, some: tuple[Map, ...]) -> float:
        if usable[method].memory(geometry, item_bytes) > room:
            return inf
        alike = usable[method].seconds(some, geometry, item_bytes, threads, needs_grad)
        if usable[method].compute_dtype(dtype, device) == dtype:
            return own_s(alike, some, geometry, dtype)
        return alike + casts_s(some, geometry, dtype, machine.known(), threads)

    seconds = {name: {m: seconds_of(m, (name,)) for m in usable} for name in names}
    alone = {name: min(of, key=of.__getitem__) for name, of in seconds.items()}
    chosen, cost = alone, sum(seconds[name][alone[name]] for name in names)
    if needs_grad:
        cost += _recording_s(alone)
        # Maps that share work: what none of them would win alone, two or three may together.
        for method in (name for name, of in usable.items() if of.shares):
            for some in (GRADIENTS, ("forward", "grad_weight"), names):
                mixed = {**alone, **dict.fromkeys(some, method)}
                together = seconds_of(method, some) + _recording_s(mixed)
                together += sum(seconds[name][alone[name]] for name in names if name not in some)
                if together < cost:
                    cost, chosen = together, mixed
    fallback = registry.FALLBACK.name
    leaves = {*chosen.values()} != {fallback}
    if leaves and cost > WORTH_LEAVING * seconds_of(fallback, names):
        chosen = dict.fromkeys(names, fallback)
    tiles = (usable[method].tile(geometry, item_bytes) for method in chosen.values())
    tile, transforms = next((tile for tile in tiles if tile is not None), (None, ""))
    kept = max(usable[method].filter_bytes(geometry, item_bytes) for method in chosen.values())
    return Plan(geometry, dtype, device, threads, chosen, seconds, excluded, tile, kept, transforms)


def _recording_s(chosen: Mapping[Map, str]) -> float:
    """Return what recording takes for gradients that torch does not record by itself."""
    if {*chosen.values()} == {registry.FALLBACK.name}:
        return 0.0
    return RECORDING_CALLS * machine.known().compiled_call


def _usable(
    geometry: Geometry, dtype: torch.dtype, device: torch.device
) -> tuple[dict[str, Method], dict[str, str]]:
    """Split the methods that predict into those that can do a case, and reasons of the others."""
    usable: dict[str, Method] = {registry.FALLBACK.name: registry.FALLBACK}
    excluded: dict[str, str] = {}
    for name, method in registry.REGISTRY.items():
        if name in usable or not method.predicts:
            continue
        computed = method.compute_dtype(dtype, device)
        reason = method.unavailable() or method.unsupported(geometry, computed, device)
        if device.type != "cpu":
            reason = reason or f"times on {device.type} are not modelled"
        elif computed not in _MODELLED:
            reason = reason or f"times in {dtype} are not modelled"
        elif geometry.macs == 0:
            reason = reason or "there is nothing to compute"
        elif _padded_numbers(geometry) > max(_PADDED, _ROOM * geometry.numbers):
            reason = reason or "the padded input would take too much memory"
        if reason is None:
            usable[name] = method
        else:
            excluded[name] = reason
    return usable, excluded


def _padded_numbers(geometry: Geometry) -> int:
    return geometry.batch * geometry.in_channels * area(geometry.padded_size)


def _shape_of(name: str, shape: Sequence[int], unbatched: bool = False) -> tuple[int, ...]:
    """Read a shape of four sizes; one of three is a batch of one image, where there may be such."""
    if not isinstance(shape, Iterable):
        raise TypeError(f"{name}'s shape must be a sequence of sizes, got {type(shape).__name__}")
    sizes = tuple(integer(f"every size in the {name}'s shape", size) for size in shape)
    if any(size < 0 for size in sizes):
        raise RuntimeError(f"{name} must have no negative size, got shape {sizes}")
    if unbatched and len(sizes) == 3:
        return 1, *sizes
    if len(sizes) != 4:
        raise RuntimeError(f"{name} must have 4 dimensions, got shape {sizes}")
    return sizes


def _duration(seconds: float) -> str:
    if seconds == inf:
        return "(too much memory)"
    for unit, scale in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds * 1e6:.3g} us"
