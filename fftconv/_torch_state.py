"""Every private name of torch that is used here, with what it is used for.

torch has no public question for who watches or rewrites tensors, nor a way for an operator to
record a gradient for itself. What a new version of torch renames is to be mended in this file.
"""

from collections.abc import Callable
from functools import partial, wraps
from typing import Any

import torch
from torch import Tensor
from torch._functorch.utils import enable_single_level_autograd_function
from torch.autograd import forward_ad
from torch.autograd.forward_ad import _set_fwd_grad_enabled
from torch.autograd.function import _SingleLevelFunction
from torch.nn import Parameter

PLAIN_TYPES = (Tensor, Parameter)

#: What `torch.autograd.Function` is one of: it records at the present level of torch.func alone.
OneLevelFunction = _SingleLevelFunction

# Questions that are asked at every call are functions of C, each well under a microsecond.
are_transforms_active: Callable[[], bool] = torch._C._are_functorch_transforms_active
count_dispatch_modes: Callable[[], int] = torch._C._len_torch_dispatch_stack
count_function_modes: Callable[[], int] = torch._C._len_torch_function_stack
#: The innermost level of forward-mode differentiation, below 0 where there is none.
forward_level: Callable[[], int] = partial(getattr, forward_ad, "_current_level")
#: Whether torch.autograd.grad(is_grads_batched=True) maps over tensors: with an older vmap, which
#: is no mode.
is_legacy_vmap: Callable[[], bool] = partial(
    torch._C._dispatch_tls_is_dispatch_key_included,
    torch._C._parse_dispatch_key("VmapMode"),  # type: ignore[arg-type]
)
#: Whether torch.jit.trace records what Python calls.
is_tracing: Callable[[], bool] = torch._C._is_tracing
is_any_autocast_enabled: Callable[[], bool] = torch._C._is_any_autocast_enabled
is_profiling: Callable[[], bool] = torch._C._autograd._profiler_enabled


def is_unwatched() -> bool:
    """Whether no mode or transform of torch wants to see every operation."""
    return not (
        are_transforms_active()
        or count_dispatch_modes()
        or count_function_modes()
        or forward_level() >= 0
        or is_legacy_vmap()
        or is_tracing()
    )


def is_plain(*tensors: Tensor | None) -> bool:
    """Whether a call may bypass the dispatcher: real tensors and nobody watching."""
    if not is_unwatched():
        return False
    for tensor in tensors:  # `all` would make a generator, which takes as long as the rest
        if tensor is not None and (type(tensor) not in PLAIN_TYPES or tensor.is_meta):
            return False
    return True


def is_opaque(*operands: object) -> bool:
    """Whether one of the operands is a tensor whose numbers lie in no rows: mkldnn, sparse, nested.

    Such tensors may have neither strides nor a shape that can be asked for.
    """
    return any(
        isinstance(operand, Tensor) and (operand.layout is not torch.strided or operand.is_nested)
        for operand in operands
    )


def multiplies_in(dtype: torch.dtype) -> bool:
    """Whether torch's convolution on this processor has instructions for bfloat16 or float16."""
    name = "bf16" if dtype == torch.bfloat16 else "fp16"
    try:
        return bool(getattr(torch.ops.mkldnn, f"_is_mkldnn_{name}_supported")())
    except (AttributeError, RuntimeError):  # a torch without oneDNN
        return False


def with_tangents(jvp: Callable[..., Any]) -> Callable[..., Any]:
    """Return a rule of forward mode whose own operations are differentiated forward, too.

    torch calls such rules with forward mode off: levels of `torch.func.jvp` around this one would
    find no tangents in what comes of it.
    """

    @wraps(jvp)
    def run(*arguments: Any) -> Any:
        with _set_fwd_grad_enabled(True):
            return jvp(*arguments)

    return run


def primal(tensor: Tensor) -> Tensor:
    """Return a tensor without its change at the innermost level of forward mode."""
    return tensor if forward_level() < 0 else forward_ad.unpack_dual(tensor).primal


def below_autograd(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return what runs `function` below the level of differentiation that is served just now.

    A recorded function's body runs without gradients, but the levels below may be differentiating
    too: they find what they found when this was called.
    """
    backward, forward = torch.is_grad_enabled(), torch._C._is_fwd_grad_enabled()

    def run(*operands: object) -> object:
        with (
            torch.set_grad_enabled(backward),
            _set_fwd_grad_enabled(forward),
            torch._C._AutoDispatchBelowAutograd(),
        ):
            return function(*operands)

    return run


def at_one_level(function: Callable[..., Any], *arguments: object) -> Any:
    """Call what records at the one level of torch.func that the dispatcher has gone to."""
    with enable_single_level_autograd_function():
        return function(*arguments)


def reversed_padding(layer: torch.nn.Conv1d | torch.nn.Conv2d) -> list[int]:
    """Return a layer's padding as `torch.nn.functional.pad` takes it."""
    return list(layer._reversed_padding_repeated_twice)
