"""The short way for a call like an earlier one: nothing watching, on the CPU.

An image of 64x64 with a 3x3 filter takes a microsecond; checking the arguments, choosing the method
and asking who is watching takes several. So what a first call found out is kept under everything
that it depended on, and a later call that is the same in all of it goes straight to the method, or
to the function that records it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor, is_grad_enabled
from torch.nn import Parameter

from fftconv.execution import Case
from fftconv.recording import recorder
from fftconv.watchers import is_legacy_batched, is_unwatched

Key: TypeAlias = "tuple[object, ...]"
Forward: TypeAlias = Callable[..., Tensor]
"""Takes the input and the weight, and the bias where the key has one."""

_is_any_autocast_enabled = torch._C._is_any_autocast_enabled
_seen: dict[Key, Forward] = {}
_LIMIT = 4096


def take(
    x: object, w: object, bias: object, stride: object, padding: object, dilation: object,
    groups: object, method: object,
) -> Tensor | None:  # fmt: skip
    """Return the result if the short way is open for this call, else None."""
    # One comparison after the other: a loop would take as long as all the rest.
    if type(x) is not Tensor or (type(w) is not Tensor and type(w) is not Parameter):
        return None
    if bias is not None and type(bias) is not Parameter and type(bias) is not Tensor:
        return None
    if (
        type(stride) is not int
        or type(padding) is not int
        or type(dilation) is not int
        or type(groups) is not int
    ) and not _are_numbers(stride, padding, dilation, groups):
        return None
    if bias is None:
        recorded = is_grad_enabled() and (x.requires_grad or w.requires_grad)
        forward = _seen.get(
            (x.shape, w.shape, x.dtype, w.dtype, stride, padding, dilation, groups, method,
             recorded)
        )  # fmt: skip
    else:
        recorded = is_grad_enabled() and (x.requires_grad or w.requires_grad or bias.requires_grad)
        forward = _seen.get(
            (x.shape, w.shape, x.dtype, w.dtype, stride, padding, dilation, groups, method,
             recorded, bias.shape, bias.dtype)
        )  # fmt: skip
    if (
        forward is None
        or _is_any_autocast_enabled()
        or not (x.is_cpu and w.is_cpu)
        or not is_unwatched()
        or is_legacy_batched(x)
        or is_legacy_batched(w)
    ):
        return None
    if bias is None:
        return forward(x, w)
    if not bias.is_cpu or is_legacy_batched(bias):
        return None
    return forward(x, w, bias)


def _are_numbers(*numbers: object) -> bool:
    """Whether all are integers, words, or tuples of integers: 1.0 and True equal 1 in a key."""
    return all(
        type(number) in (int, str)
        or (isinstance(number, tuple) and all(type(part) is int for part in number))
        for number in numbers
    )


def keep(
    case: Case, x: Tensor, w: Tensor, bias: Tensor | None, stride: object, padding: object,
    dilation: object, groups: object, method: object, recorded: bool,
) -> None:  # fmt: skip
    """Open the short way for calls like this one, if it is of the kind that may take it."""
    if (
        case.method is None
        or case.compute is not None
        or case.empty
        or not x.is_cpu
        or not _are_numbers(stride, padding, dilation, groups)
    ):
        return
    if len(_seen) >= _LIMIT:
        _seen.clear()
    key: Key = (
        x.shape, w.shape, x.dtype, w.dtype, stride, padding, dilation, groups, method, recorded,
    )  # fmt: skip
    if bias is not None:
        key += (bias.shape, bias.dtype)
    if recorded:
        _seen[key] = recorder(case, x.dtype, x.device)
    else:
        _seen[key] = case.method.ready(case.geometry, x.dtype, x.device).affine
