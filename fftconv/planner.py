"""Which method serves a case when the user leaves the choice to us."""

import torch

from fftconv.geometry import Geometry
from fftconv.methods import AUTO, REGISTRY, Method, get


def resolve(
    name: str, geometry: Geometry, dtype: torch.dtype, device: torch.device, needs_grad: bool
) -> Method:
    """Return the method that is to serve a case.

    Callers keep the answer as long as nothing in the arguments changes.

    Parameters
    ----------
    name
        A method's name or ``auto``, which takes `native`: it serves every case that torch serves.
    geometry, dtype, device
        The case.
    needs_grad
        Whether gradients will be asked for.

    Raises
    ------
    NotImplementedError
        If the method that `name` names cannot do the case.
    """
    if name == AUTO:
        return REGISTRY["native"]
    method = get(name)
    reason = method.unsupported(geometry, method.compute_dtype(dtype, device), device)
    if reason is not None:
        raise NotImplementedError(reason)
    return method
