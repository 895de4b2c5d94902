"""Products of spectra, summed over channels, images or tiles."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from fftconv.geometry import Geometry


def multiply(x: Tensor, w: Tensor, geometry: Geometry, overwrite: bool = True) -> Tensor:
    """Sum X W over the input channels: (N, C_in, t, u, f, h) to (N, C_out, t, u, f, h).

    X may be overwritten if that is said: spectra are what takes the memory.
    """
    groups = geometry.groups
    if _is_depthwise(geometry):
        w = w[None, :, 0]
        return x.mul_(w) if overwrite else x * w
    x, w = x.unflatten(1, (groups, -1)), w.unflatten(0, (groups, -1))
    if x.shape[2] == 1:
        return (x * w[None, :, :, 0]).flatten(1, 2)
    return torch.einsum("ngctufh,gocfh->ngotufh", x, w[:, :, :, 0, 0]).flatten(1, 2)


def multiply_transposed(g: Tensor, w: Tensor, geometry: Geometry) -> Tensor:
    """Sum G W over the output channels: (N, C_out, t, u, f, h) to (N, C_in, t, u, f, h).

    G may be overwritten.
    """
    groups = geometry.groups
    if _is_depthwise(geometry):
        return g.mul_(w[None, :, 0])
    g, w = g.unflatten(1, (groups, -1)), w.unflatten(0, (groups, -1))
    if g.shape[2] == 1:
        return (g * w[None, :, 0]).flatten(1, 2)
    return torch.einsum("ngotufh,gocfh->ngctufh", g, w[:, :, :, 0, 0]).flatten(1, 2)


def multiply_sum(x: Tensor, g: Tensor, geometry: Geometry, overwrite: bool) -> Tensor:
    """Sum X G over images and tiles: to (groups, C_out / groups, C_in / groups, f, h)."""
    groups = geometry.groups
    if _is_depthwise(geometry):
        products = x.mul_(g) if overwrite else x * g
        if products.shape[0] == products.shape[2] == products.shape[3] == 1:
            return products[0]
        return products.sum((0, 2, 3))[:, None, None]
    x, g = x.unflatten(1, (groups, -1)), g.unflatten(1, (groups, -1))
    return torch.einsum("ngctufh,ngotufh->gocfh", x, g)


def _is_depthwise(geometry: Geometry) -> bool:
    """Whether each input channel has one output channel of its own."""
    return geometry.in_channels == geometry.out_channels == geometry.groups
