"""A geometry whose padding differs from side to side: what a block at a border needs."""

import pytest
import torch
import torch.nn.functional as F

import fftconv
from fftconv.geometry import Geometry
from fftconv.methods.registry import REGISTRY


@pytest.mark.parametrize("method", [name for name in fftconv.methods() if name != "auto"])
@pytest.mark.parametrize("padding", [(3, 1, 0, 2), (4, 0, 2, 1), (0, 3, 4, 0), (2, 2, 4, 1)])
@pytest.mark.parametrize("stride", [(1, 1), (2, 3)])
def test_all_maps_know_each_side_by_itself(method, padding, stride) -> None:
    geometry = Geometry(2, 2, 3, 1, (12, 13), (5, 5), stride, (1, 1), padding)
    x, w = (torch.randn(s, dtype=torch.float64) for s in (geometry.input_shape, (3, 2, 5, 5)))
    x.requires_grad_(), w.requires_grad_()
    top, bottom, left, right = padding
    y = F.conv2d(F.pad(x, (left, right, top, bottom)), w, stride=stride)
    g = torch.randn_like(y)
    gx, gw = torch.autograd.grad(y, (x, w), g)
    maps = REGISTRY[method].prepare(geometry, torch.float64, torch.device("cpu"))
    with torch.no_grad():
        torch.testing.assert_close(maps.forward(x, w), y)
        torch.testing.assert_close(maps.grad_input(g, w), gx)
        torch.testing.assert_close(maps.grad_weight(x, g), gw)
