"""What single events of a trace amount to: operations, bytes, and the least time for them."""

import ast
import math
import re
from dataclasses import dataclass

from convbench.limits.bound import ITEM_BYTES
from convbench.limits.machine import Limits
from convbench.profiling.spec import Spec
from convbench.profiling.trace import Event

_TORCH_TRANSFORM = re.compile(r"aten::_fft_(r2c|c2r|c2c)$")
_SCIPY_TRANSFORM = re.compile(r"<built-in (function|method) (r2c|c2r|c2c)\b")
# These hand out memory, or look at it in another way, and move nothing.
_IDLE = re.compile(r"aten::(empty|new_empty|_?conj$|resolve_conj|view_as_|contiguous|pad$)")
_WRITE_ONLY = re.compile(r"aten::(fill|zero)_?")
_MATRIX_PRODUCT = re.compile(r"aten::b?mm$")


@dataclass(frozen=True)
class EventWork:
    """Operations and bytes of one event, and the least seconds for them on this machine."""

    flops: float = 0.0
    bytes: float = 0.0
    limit_s: float = 0.0


def _transformed(event: Event, spec: Spec) -> tuple[float, float, int]:
    """Return operations, real numbers and the side of one transform.

    A transform of n real numbers over axes of product L counts 2.5 n log2 L operations, one of
    complex numbers twice that: the customary count, that of Cooley and Tukey's algorithm.
    """
    if not event.shapes:
        # scipy's transforms do not record their sizes. fftconvolve pads to at least the full size.
        side = spec.input_size + (spec.filter_size - 1 if spec.backward else 0)
        return 2.5 * side**2 * math.log2(max(2, side**2)), side**2, side
    shape = list(event.shapes[0])
    axes = ast.literal_eval(event.concrete[1])
    if event.name.endswith("c2r"):
        shape[axes[-1]] = int(event.concrete[3])
    lengths = [shape[axis] for axis in axes]
    numbers = math.prod(shape) * (2 if event.name.endswith("c2c") else 1)
    # Rows alone can be faster than rows and columns: the fastest transform of any size bounds them.
    side = max(lengths) if len(lengths) > 1 else 0
    return 2.5 * numbers * math.log2(max(2, math.prod(lengths))), numbers, side


def _tensor_work(event: Event, phase: str, spec: Spec, limits: Limits) -> EventWork:
    """Return the work of an elementwise operator, a copy or a matrix product."""
    sizes = [math.prod(shape) for shape in event.shapes if shape]
    largest = max(sizes, default=0)
    is_complex = any("complex" in name for name in event.types)
    # Read once and written once, at least.
    touched = 1.0 if _WRITE_ONLY.match(event.name) else 2.0
    moved = touched * largest * ITEM_BYTES[spec.dtype] * (2 if is_complex else 1)
    flops = 0.0
    if phase == "product":
        flops = largest * (6.0 if is_complex else 1.0)
        if _MATRIX_PRODUCT.search(event.name) and len(event.shapes) >= 2:
            flops = math.prod(event.shapes[0]) * event.shapes[1][-1] * (8.0 if is_complex else 2.0)
    arithmetic_s = flops / limits.flops_per_s[spec.dtype]
    return EventWork(flops, moved, max(arithmetic_s, moved / limits.bytes_per_s(moved)))


def work_of(event: Event, phase: str, spec: Spec, limits: Limits) -> EventWork:
    """Return what an event of a phase amounts to; nothing where that is not known.

    The kernel's work is that of the whole cell, which no event knows.
    """
    if _TORCH_TRANSFORM.search(event.name) or _SCIPY_TRANSFORM.search(event.name):
        flops, numbers, side = _transformed(event, spec)
        rate = limits.transform_flops_per_s(spec.dtype, side)
        return EventWork(flops, 2.0 * ITEM_BYTES[spec.dtype] * numbers, flops / rate)
    # Operators wrap operators: the innermost is the one that works.
    innermost = event.name.startswith("aten::") and not event.children
    if phase in ("copy", "product") and innermost and not _IDLE.match(event.name):
        return _tensor_work(event, phase, spec, limits)
    return EventWork()
