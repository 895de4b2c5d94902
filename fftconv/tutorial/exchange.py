"""What the layers of the tutorial do at the border: check a tensor, hand it to numpy and back."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd import Function

Array = NDArray[np.float32] | NDArray[np.float64]

_REAL_DTYPES = (torch.float32, torch.float64)


def apply(function: type[Function], *args: object) -> Tensor:
    """Call ``function.apply``, with the type that torch leaves off."""
    result: Tensor = function.apply(*args)
    return result


def to_numpy(tensor: Tensor) -> Array:
    """Show a CPU tensor's values to numpy, without a copy where there can be none."""
    # resolve_neg: a tensor may carry a pending minus sign (the imaginary part of a conjugate),
    # which numpy has no notion of.
    array: Array = tensor.detach().resolve_neg().numpy()
    return array


def check_tensor(layer: str, argument: str, tensor: object, *, cpu: bool) -> Tensor:
    """Return a real tensor, on the CPU where `cpu` asks for that; refuse anything else."""
    if not isinstance(tensor, Tensor):
        raise TypeError(f"{layer}: {argument} must be a Tensor, got {type(tensor).__name__}")
    if tensor.dtype not in _REAL_DTYPES:
        raise RuntimeError(
            f"{layer}: {argument} must be torch.float32 or torch.float64, got {tensor.dtype}"
        )
    if cpu and tensor.device.type != "cpu":
        raise TypeError(
            f"{layer}: {argument} is on {tensor.device}, but this layer computes on the CPU; "
            f"move it with .cpu()"
        )
    return tensor
