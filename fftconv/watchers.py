"""Who watches or rewrites tensors: what a call may do without asking the dispatcher."""

import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.nn import Parameter

PLAIN_TYPES = (Tensor, Parameter)

# A name that is looked up in a module of a module costs as much as the question that is asked.
_functorch_is_active = torch._C._are_functorch_transforms_active
_dispatch_modes, _function_modes = (
    torch._C._len_torch_dispatch_stack,
    torch._C._len_torch_function_stack,
)
#: Whether torch.autograd.grad(is_grads_batched=True) maps over a tensor: with an older vmap, which
#: is no mode.
is_legacy_batched = torch._C._functorch.is_legacy_batchedtensor


def is_plain(*tensors: Tensor | None) -> bool:
    """Whether a call may bypass the dispatcher: real tensors and nobody watching."""
    return is_unwatched() and all(t is None or _is_plain_tensor(t) for t in tensors)


def is_unwatched() -> bool:
    """Whether no mode or transform of torch wants to see every operation.

    torch has no public question for these; each of them answers in well under a microsecond.
    """
    return (
        not _functorch_is_active()
        and not _dispatch_modes()
        and not _function_modes()
        and forward_ad._current_level < 0
    )


def _is_plain_tensor(tensor: Tensor) -> bool:
    return type(tensor) in PLAIN_TYPES and not tensor.is_meta and not is_legacy_batched(tensor)
