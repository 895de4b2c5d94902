"""Which prepared case serves a call: looked up by all that it depends on, or prepared once.

An image of 64x64 with a 3x3 filter takes a microsecond; checking the arguments, choosing a method
and preparing its maps take hundreds. So a case is kept under everything that it depends on: the
arguments, whether gradients are recorded, torch's number of threads, the calibration, and the
methods that there are. There is no other cache of cases.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import torch
from torch import Tensor, get_num_threads, is_grad_enabled, strided
from torch.nn import Parameter

from fftconv._autograd import Case
from fftconv._forking import ForkedLock
from fftconv._torch_state import (
    are_transforms_active,
    count_dispatch_modes,
    count_function_modes,
    forward_level,
    is_legacy_vmap,
    is_opaque,
    is_tracing,
)
from fftconv.auto import plan as planner
from fftconv.calibration import machine
from fftconv.geometry import CASES_KEPT, Geometry, Size, one_form
from fftconv.methods import registry
from fftconv.methods.wrappers import Mixed

if TYPE_CHECKING:
    from fftconv.methods.maps import Maps

Key: TypeAlias = tuple[object, ...]
#: Where a key says whether gradients are recorded.
RECORDS = 0

_cases: dict[Key, Case] = {}
_lock = ForkedLock()


def find(
    x: Tensor, w: Tensor, bias: Tensor | None, stride: Size, padding: Size | str, dilation: Size,
    groups: int, method: str,
) -> Case | None:  # fmt: skip
    """Return the case of a call, None if the dispatcher or torch has to see it, or of one image.

    The caller knows that no autocast is enabled, or has done what it asks for.

    Raises
    ------
    RuntimeError, TypeError, ValueError, NotImplementedError
        As `fftconv.conv2d` does.
    """
    if type(x) is not Tensor:
        return None
    if not (type(stride) is type(padding) is type(dilation) is type(groups) is int):
        stride, padding, dilation, groups = one_form(stride, padding, dilation, groups)
    key = plain_key(x, w, bias, (stride, padding, dilation, groups), method)
    if key is None:
        return None
    case = _cases.get(key)
    if case is None:
        check_tensors(x, w, bias)
        check_match(x, w, bias)
        if x.dim() == 3 or x.shape[1] == 0:
            return None
        geometry = Geometry.of(x.shape, w.shape, stride, padding, dilation, groups)
        records = bool(key[RECORDS])
        case = prepared(geometry, method, x.dtype, x.device, records, key)
    return case


def plain_key(
    x: Tensor, w: Tensor, bias: Tensor | None, numbers: tuple[object, ...], method: str
) -> Key | None:
    """Return all that the case of a call depends on, None if the dispatcher has to see the call.

    `x` is no subclass of Tensor's; `numbers`, of the call, are in one form.
    """
    # One comparison after the other: a loop would take as long as all the rest.
    if (
        (type(w) is not Tensor and type(w) is not Parameter)
        or type(method) is not str
        or are_transforms_active()
        or count_dispatch_modes()
        or count_function_modes()
        or forward_level() >= 0
        or is_legacy_vmap()
        or is_tracing()
        or x.layout is not strided
        or w.layout is not strided
    ):
        return None
    if bias is None:
        of_bias = None
        records = is_grad_enabled() and (x.requires_grad or w.requires_grad)
        here = x.is_cpu and w.is_cpu
    elif (type(bias) is Parameter or type(bias) is Tensor) and bias.layout is strided:
        of_bias = bias.shape, bias.dtype
        records = is_grad_enabled() and (x.requires_grad or w.requires_grad or bias.requires_grad)
        here = x.is_cpu and w.is_cpu and bias.is_cpu
    else:
        return None
    if here:
        devices = None
    elif x.is_meta or w.is_meta or (bias is not None and bias.is_meta):
        return None
    else:
        devices = x.device, w.device, None if bias is None else bias.device
    try:
        return (
            records, x.shape, w.shape, of_bias, x.dtype, w.dtype, devices, numbers, method,
            get_num_threads(), machine.generation, machine.named(), registry.generation,
        )  # fmt: skip
    except RuntimeError:
        if is_opaque(x, w):
            return None  # a nested tensor has no shape, though its layout may be called strided
        raise


def kept(key: Key | None) -> Case | None:
    """Return the case that was prepared for such a call, if there is one."""
    return None if key is None else _cases.get(key)


def prepared(
    geometry: Geometry, name: str, dtype: torch.dtype, device: torch.device, needs_grad: bool,
    asked: Key | None = None,
) -> Case:  # fmt: skip
    """Return the case of a checked geometry.

    Parameters
    ----------
    geometry, dtype, device
        Of the tensors.
    name
        A method's name or ``auto``, which takes what `fftconv.plan` says.
    needs_grad
        Whether gradients will be asked for.
    asked
        What else it will be looked up by.
    """
    key = (
        geometry, name, dtype, device, needs_grad, get_num_threads(), machine.generation,
        machine.named(), registry.generation,
    )  # fmt: skip
    case = _cases.get(key)
    if case is None:
        maps = _maps(geometry, name, dtype, device, needs_grad)
        records = needs_grad and not maps.torch_records
        case = Case(geometry, name, maps, conjugates=dtype.is_complex, records=records)
        _keep(case, key, asked)
    elif asked is not None:
        _keep(case, asked)
    return case


def _keep(case: Case, *keys: Key | None) -> None:
    with _lock.now:
        for key in keys:
            if key is not None:
                while len(_cases) >= CASES_KEPT:
                    del _cases[next(iter(_cases))]  # the oldest
                _cases[key] = case


def _maps(
    geometry: Geometry, name: str, dtype: torch.dtype, device: torch.device, needs_grad: bool
) -> Maps:
    if name == registry.AUTO:
        machine.current()  # the one look at its file; raises its generation if there is a new one
        chosen = planner.decide(geometry, dtype, device, needs_grad).chosen
        methods = {name: registry.REGISTRY[method] for name, method in chosen.items()}
        made = {m: m.maps(geometry, dtype, device) for m in set(methods.values())}
        if len(made) > 1:
            return Mixed(
                *(made[methods[name]] for name in ("forward", "grad_input", "grad_weight"))
            )
        return made.popitem()[1]
    if name not in registry.REGISTRY:
        registry.check_name(name)  # says which there are
    return registry.REGISTRY[name].maps(geometry, dtype, device)


def check_tensors(x: object, w: object, bias: object) -> None:
    """Check each operand of a call by itself."""
    if not isinstance(x, Tensor):
        raise TypeError(f"input must be a Tensor, got {type(x).__name__}")
    if not isinstance(w, Tensor):
        raise TypeError(f"weight must be a Tensor, got {type(w).__name__}")
    if bias is not None and not isinstance(bias, Tensor):
        raise TypeError(f"bias must be a Tensor or None, got {type(bias).__name__}")
    if w.dim() != 4:
        raise RuntimeError(
            f"weight must have 4 dimensions (C_out, C_in / groups, kH, kW), "
            f"got shape {tuple(w.shape)}"
        )
    if x.dim() not in (3, 4):
        raise RuntimeError(
            f"input must have 4 dimensions (N, C, H, W) or 3 (C, H, W), got shape {tuple(x.shape)}"
        )


def check_layouts(x: Tensor, w: Tensor, bias: Tensor | None, method: str) -> None:
    """Say what only torch's own convolution does: tensors that are no rows of numbers."""
    if registry.check_name(method) in (registry.AUTO, "native"):
        return
    for name, tensor in (("input", x), ("weight", w), ("bias", bias)):
        if tensor is not None and is_opaque(tensor):
            layout = "nested" if tensor.is_nested else str(tensor.layout)
            raise NotImplementedError(
                f"method '{method}' takes strided tensors, {name} is {layout}"
            )


def check_match(x: Tensor, w: Tensor, bias: Tensor | None, out_channels: int | None = None) -> None:
    """Check what the operands must have in common; the sizes are checked by the geometry.

    Where it is not said how many output channels there are, they are the weight's first dimension.
    """
    if w.dtype != x.dtype or w.device != x.device:
        raise RuntimeError(
            f"weight must have the input's dtype and device, {x.dtype} on {x.device}, "
            f"got {w.dtype} on {w.device}"
        )
    if bias is None:
        return
    if bias.dtype != x.dtype or bias.device != x.device:
        raise RuntimeError(
            f"bias must have the input's dtype and device, {x.dtype} on {x.device}, "
            f"got {bias.dtype} on {bias.device}"
        )
    channels = w.shape[0] if out_channels is None else out_channels
    if bias.dim() != 1 or bias.shape[0] != channels:
        raise RuntimeError(
            f"bias must have one number for each of the {channels} output channels, "
            f"got shape {tuple(bias.shape)}"
        )
