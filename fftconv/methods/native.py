"""Torch's own convolution (oneDNN on a CPU, cuDNN on a GPU) as three bilinear maps."""

from collections.abc import Callable
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from fftconv.geometry import Geometry, Pair
from fftconv.methods.method import Method, Ready


class Native(Method):
    """`torch.nn.functional.conv2d`."""

    name = "native"
    backend = "torch"
    summary = "torch's own kernels: many channels, every dtype and device that torch has"
    torch_records = True

    def unsupported(
        self, geometry: Geometry, dtype: torch.dtype, device: torch.device
    ) -> str | None:
        """Leave every case to torch, which raises its own errors."""
        return None

    def compute_dtype(self, dtype: torch.dtype, device: torch.device) -> torch.dtype:
        """Keep halves: torch has kernels for them."""
        return dtype

    def forward(self, x: Tensor, w: Tensor, geometry: Geometry) -> Tensor:
        """Cross-correlate `x` with `w`."""
        return self.affine(x, w, None, geometry)

    def affine(self, x: Tensor, w: Tensor, bias: Tensor | None, geometry: Geometry) -> Tensor:
        """Cross-correlate and add the bias in one pass."""
        padding, beyond = _split_padding(geometry)
        if beyond is not None:
            x = F.pad(x, (0, beyond[1], 0, beyond[0]))
        return F.conv2d(x, w, bias, geometry.stride, padding, geometry.dilation, geometry.groups)

    def ready(self, geometry: Geometry, dtype: torch.dtype, device: torch.device) -> Ready:
        """Return the maps, the output by torch's own function, which minds no history."""
        usual = super().ready(geometry, dtype, device)
        return replace(usual, affine=lambda x, w, bias=None: self.affine(x, w, bias, geometry))

    def grad_input(self, g: Tensor, w: Tensor, geometry: Geometry) -> Tensor:
        """Gradient with respect to the input."""
        gx, _ = self.grads(g, _shape_only(g, geometry.input_shape), w, geometry, True, False)
        assert gx is not None
        return gx

    def grad_weight(self, x: Tensor, g: Tensor, geometry: Geometry) -> Tensor:
        """Gradient with respect to the weight."""
        _, gw = self.grads(g, x, _shape_only(x, geometry.weight_shape), geometry, False, True)
        assert gw is not None
        return gw

    def grads(
        self,
        g: Tensor,
        x: Tensor,
        w: Tensor,
        geometry: Geometry,
        need_input: bool,
        need_weight: bool,
    ) -> tuple[Tensor | None, Tensor | None]:
        """Both gradients in one call of torch's backward."""
        if g.is_complex():
            # conv2d splits complex numbers before its own backward, which has no complex kernel.
            return (
                _by_parts(lambda a, b: self.grad_input(a, b, geometry), g, w)
                if need_input
                else None,
                _by_parts(lambda a, b: self.grad_weight(a, b, geometry), x, g)
                if need_weight
                else None,
            )
        padding, beyond = _split_padding(geometry)
        if beyond is not None:
            x = F.pad(x, (0, beyond[1], 0, beyond[0]))
        gx, gw, _ = torch.ops.aten.convolution_backward(
            g,
            x,
            w,
            None,
            geometry.stride,
            padding,
            geometry.dilation,
            False,
            (0, 0),
            geometry.groups,
            (need_input, need_weight, False),
        )
        if beyond is not None and gx is not None:
            gx = gx[:, :, : geometry.input_size[0], : geometry.input_size[1]].contiguous()
        return gx, gw


def _split_padding(geometry: Geometry) -> tuple[Pair, Pair | None]:
    """Split padding into what torch's kernels take and the (bottom, right) rest, None if none."""
    top, bottom, left, right = geometry.padding
    if top == bottom and left == right:
        return (top, left), None
    return (top, left), (bottom - top, right - left)


def _shape_only(like: Tensor, shape: tuple[int, int, int, int]) -> Tensor:
    """Return one number seen in `shape`: a stand-in for an operand that is not read."""
    return like.new_empty(1).expand(shape)


def _by_parts(bilinear: Callable[[Tensor, Tensor], Tensor], a: Tensor, b: Tensor) -> Tensor:
    """Apply a real bilinear map to complex tensors with three products (Gauss)."""
    real = bilinear(a.real, b.real)
    imag = bilinear(a.imag, b.imag)
    both = bilinear(a.real + a.imag, b.real + b.imag)
    return torch.complex(real - imag, both - real - imag)
