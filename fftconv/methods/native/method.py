"""Torch's own convolution (oneDNN on a CPU, cuDNN on a GPU) as three bilinear maps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F

from fftconv.calibration.machine import known
from fftconv.methods.maps import Maps
from fftconv.methods.method import Method
from fftconv.methods.native import cost

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from fftconv.geometry import Geometry, Pair
    from fftconv.methods.maps import Gradients, Map, Tensors
    from fftconv.methods.method import Found


class Native(Method):
    """`torch.nn.functional.conv2d`."""

    name = "native"
    backend = "torch"
    predicts = True
    shares = True  # both gradients in one call
    summary = "torch's own kernels: many channels, every dtype and device that torch has"

    def unsupported(
        self, geometry: Geometry, dtype: torch.dtype, device: torch.device
    ) -> str | None:
        """Leave every case to torch, which raises its own errors."""
        return None

    def compute_dtype(self, dtype: torch.dtype, device: torch.device) -> torch.dtype:
        """Keep halves: torch has kernels for them."""
        return dtype

    def prepare(self, geometry: Geometry, dtype: torch.dtype, device: torch.device) -> Maps:
        """Return torch's maps."""
        return NativeMaps(geometry)

    def seconds(
        self, names: tuple[Map, ...], geometry: Geometry, item_bytes: int, threads: int,
        learned: bool = False,
    ) -> float:  # fmt: skip
        """Take the rate for the nearest channels, between filter sizes."""
        del learned
        return cost.seconds(names, geometry, item_bytes, known(), threads)

    def calibrate(self, dtype: torch.dtype) -> Found:
        """Time torch's convolution."""
        from fftconv.methods.native import rates

        return rates.measure(self, dtype)

    def calibrate_call(self) -> dict[str, Any]:
        """Time the shortest maps, and a filter that oneDNN brings into order."""
        from fftconv.methods.native import rates

        return rates.calls(self)


class NativeMaps(Maps):
    """Torch's forward pass, which minds no history, and its backward pass."""

    torch_records = torch_transposes = True

    def __init__(self, geometry: Geometry) -> None:
        self._geometry = geometry
        padding, self._beyond = _split_padding(geometry)
        self._numbers = geometry.stride, padding, geometry.dilation
        numbers = (*self._numbers, geometry.groups)
        # What is left out need not be read: a microsecond of a small image's six.
        self._given: tuple[Any, ...] = next(
            numbers[:n] for n in range(5) if numbers[n:] == ((1, 1), (0, 0), (1, 1), 1)[n:]
        )

    def forward(self, x: Tensor, w: Tensor, bias: Tensor | None = None) -> Tensor:
        """Cross-correlate and add the bias in one pass."""
        if self._beyond is not None:
            x = F.pad(x, self._beyond)
        return F.conv2d(x, w, bias, *self._given)

    def grad_input(self, g: Tensor, w: Tensor) -> Tensor:
        """Gradient with respect to the input."""
        gx, _ = self.grads(g, _shape_only(g, self._geometry.input_shape), w, True, False)
        assert gx is not None
        return gx

    def grad_weight(self, x: Tensor, g: Tensor) -> Tensor:
        """Gradient with respect to the weight."""
        _, gw = self.grads(g, x, _shape_only(x, self._geometry.weight_shape), False, True)
        assert gw is not None
        return gw

    def grads(
        self,
        g: Tensor,
        x: Tensor,
        w: Tensor,
        need_input: bool = True,
        need_weight: bool = True,
        kept: Tensors = (),
    ) -> Gradients:
        """Both gradients in one call of torch's backward."""
        if g.is_complex():
            # conv2d splits complex numbers before its own backward, which has no complex kernel.
            return (
                _by_parts(self.grad_input, g, w) if need_input else None,
                _by_parts(self.grad_weight, x, g) if need_weight else None,
            )
        if self._beyond is not None:
            x = F.pad(x, self._beyond)
        stride, padding, dilation = self._numbers
        gx, gw, _ = torch.ops.aten.convolution_backward(
            g,
            x,
            w,
            None,
            stride,
            padding,
            dilation,
            False,
            (0, 0),
            self._geometry.groups,
            (need_input, need_weight, False),
        )
        if self._beyond is not None and gx is not None:
            left, _, top, _ = self._beyond
            height, width = self._geometry.input_size
            gx = gx[:, :, top : top + height, left : left + width].contiguous()
        return gx, gw


def _split_padding(geometry: Geometry) -> tuple[Pair, tuple[int, int, int, int] | None]:
    """Split padding into what torch's kernels take and the rest, for torch's pad; None if none."""
    top, bottom, left, right = geometry.padding
    if top == bottom and left == right:
        return (top, left), None
    both = min(top, bottom), min(left, right)
    beyond = left - both[1], right - both[1], top - both[0], bottom - both[0]
    return both, beyond


def _shape_only(like: Tensor, shape: tuple[int, int, int, int]) -> Tensor:
    """Return one number seen in `shape`: a stand-in for an operand that is not read."""
    return like.new_empty(1).expand(shape)


def _by_parts(bilinear: Callable[[Tensor, Tensor], Tensor], a: Tensor, b: Tensor) -> Tensor:
    """Apply a real bilinear map to complex tensors with three products (Gauss)."""
    real = bilinear(a.real, b.real)
    imag = bilinear(a.imag, b.imag)
    both = bilinear(a.real + a.imag, b.real + b.imag)
    return torch.complex(real - imag, both - real - imag)
