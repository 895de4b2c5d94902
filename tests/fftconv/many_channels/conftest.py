"""Maps by tiles of one length, and what they are compared with."""

import torch
import torch.nn.functional as F
from torch import Tensor

from fftconv.geometry import Geometry
from fftconv.machine_code import winograd
from fftconv.methods.maps import Maps
from fftconv.methods.overlap_save.many_channels.lengths import Lengths
from fftconv.methods.overlap_save.many_channels.maps import ManyChannelsMaps
from fftconv.methods.overlap_save.weight_spectra import WeightSpectra

# Few lengths of tiles, and sizes of filters that share functions: each is compiled once.
LENGTH, WINOGRAD = 12, winograd.LENGTH


def maps_of(
    geometry: Geometry, dtype: torch.dtype = torch.float32, length: int = LENGTH
) -> ManyChannelsMaps:
    return ManyChannelsMaps(geometry, Lengths(*[length] * 4), dtype, WeightSpectra())


def check(geometry: Geometry, maps: Maps, dtype: torch.dtype) -> None:
    """Compare the maps with torch in float64, and the errors with those of torch in this dtype."""
    x, w, g = (
        torch.randn(shape, dtype=torch.float64)
        for shape in (geometry.input_shape, geometry.weight_shape, geometry.output_shape)
    )
    bias = torch.randn(geometry.out_channels, dtype=torch.float64)
    top, bottom, left, right = geometry.padding

    def by_torch(dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
        a, b = (t.to(dtype).requires_grad_() for t in (x, w))
        y = F.conv2d(
            F.pad(a, (left, right, top, bottom)), b, bias.to(dtype), geometry.stride, 0,
            geometry.dilation, geometry.groups,
        )  # fmt: skip
        return (y.detach(), *torch.autograd.grad(y, (a, b), g.to(dtype)))

    a, b, c = x.to(dtype), w.to(dtype), g.to(dtype)
    learned, _ = maps.forward_kept(a, b, bias.to(dtype))
    ours = (
        maps.forward(a, b, bias.to(dtype)), maps.grad_input(c, b), maps.grad_weight(a, c), learned
    )  # fmt: skip
    wanted, theirs = by_torch(torch.float64), by_torch(dtype)
    for got, true, native in zip(ours, (*wanted, wanted[0]), (*theirs, theirs[0]), strict=True):
        assert got.shape == true.shape
        assert got.dtype == dtype
        scale = true.abs().max().clamp_min(1)
        error = float((got - true).abs().max() / scale)
        native_error = float((native - true).abs().max() / scale)
        floor = 4 * torch.finfo(dtype).eps
        assert error <= 3 * max(native_error, floor), (error, native_error, geometry)
