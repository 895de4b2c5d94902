"""Direct cross-correlation in compiled register tiles (`fftconv.kernels`)."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING

import torch

from fftconv.kernels.division import Shape
from fftconv.methods.method import Ready, add_bias
from fftconv.methods.unit import UnitMethod, is_unit, readable

if TYPE_CHECKING:
    from torch import Tensor

    from fftconv.geometry import Geometry, Pair
    from fftconv.kernels.correlate import Job
    from fftconv.methods.method import Gradients, Tensors


class Compiled(UnitMethod):
    """The definition, compiled by numba for this processor.

    The tiles are explicit vector instructions with the block of outputs held in registers, so that
    the multiply-adds and not the loads set the pace. Padding is read through masks: nothing is
    copied. A gradient is the same computation with other operands: that of the input correlates g
    with the reversed weight, that of the weight correlates x with g.
    """

    name = "compiled"
    backend = "numba"
    summary = "direct, compiled for this processor: few channels, filters up to about 31"

    def __init__(self) -> None:
        self._jobs: dict[tuple[object, ...], Job] = {}

    def unavailable(self) -> str | None:
        """Say so where numba is missing."""
        if find_spec("numba") is None:
            return "method 'compiled' needs numba, which is not installed"
        return None

    def unsupported(
        self, geometry: Geometry, dtype: torch.dtype, device: torch.device
    ) -> str | None:
        """Name the dtype or the device that there is no kernel for."""
        if device.type != "cpu":
            return f"method 'compiled' works on CPU tensors only, got a tensor on {device}"
        if dtype not in (torch.float32, torch.float64):
            return f"method 'compiled' computes in float32 and float64, not in {dtype}"
        return None

    def ready(self, geometry: Geometry, dtype: torch.dtype, device: torch.device) -> Ready:
        """Return the maps with the jobs of dense operands at hand."""
        usual = super().ready(geometry, dtype, device)
        if not is_unit(geometry):
            return usual
        from fftconv.kernels.correlate import Job

        dense_x, dense_g = (
            torch.empty(shape, dtype=dtype, device="meta")
            for shape in (geometry.input_shape, geometry.output_shape)
        )
        run, out_shape = Job(forward_shape(dense_x, geometry)).run, geometry.output_shape
        in_shape, weight_shape = geometry.input_shape, geometry.weight_shape

        @cache
        def backward() -> tuple[Job, Job]:
            """Return the jobs of the gradients, which may never be asked for."""
            return (
                Job(grad_input_shape(dense_g, geometry)),
                Job(grad_weight_shape(dense_x, dense_g, geometry)),
            )

        def affine(x: Tensor, w: Tensor, bias: Tensor | None = None) -> Tensor:
            # Written out: a call to ask would take a tenth of what a small image takes.
            if x.is_contiguous() and w.is_contiguous() and not (x.is_neg() or w.is_neg()):
                y = run(x, w, out_shape)
                return y if bias is None else add_bias(y, bias)
            return usual.affine(x, w, bias)

        def grads(
            g: Tensor, x: Tensor, w: Tensor, need_input: bool, need_weight: bool, kept: Tensors
        ) -> Gradients:
            if not (_is_dense(g) and _is_dense(x) and _is_dense(w)):
                return usual.grads(g, x, w, need_input, need_weight, kept)
            of_input, of_weight = backward()
            if need_input and of_input.needs_flip:
                w = w.flip((2, 3))
            return (
                of_input.run(g, w, in_shape) if need_input else None,
                of_weight.run(x, g, weight_shape) if need_weight else None,
            )

        return Ready(affine, grads)

    def unit_forward(self, x: Tensor, w: Tensor, geometry: Geometry) -> Tensor:
        """Correlate x with w."""
        x, w = readable(x), w.resolve_neg().contiguous()
        key = (geometry, x.stride(), x.dtype)
        job = self._jobs.get(key)
        if job is None:
            job = self._keep(key, forward_shape(x, geometry))
        return job.run(x, w, geometry.output_shape)

    def unit_grad_input(self, g: Tensor, w: Tensor, geometry: Geometry) -> Tensor:
        """Correlate g with the reversed weight, input and output channels exchanged."""
        g, w = readable(g), w.resolve_neg().contiguous()
        key = ("grad_input", geometry, g.stride(), g.dtype)
        job = self._jobs.get(key)
        if job is None:
            job = self._keep(key, grad_input_shape(g, geometry))
        if job.needs_flip:
            w = w.flip((2, 3))
        return job.run(g, w, geometry.input_shape)

    def unit_grad_weight(self, x: Tensor, g: Tensor, geometry: Geometry) -> Tensor:
        """Correlate x with g, summed over the batch."""
        x, g = readable(x), readable(g)
        key = ("grad_weight", geometry, x.stride(), g.stride(), x.dtype)
        job = self._jobs.get(key)
        if job is None:
            job = self._keep(key, grad_weight_shape(x, g, geometry))
        return job.run(x, g, geometry.weight_shape)

    def _keep(self, key: tuple[object, ...], shape: Shape) -> Job:
        from fftconv.kernels.correlate import Job

        if len(self._jobs) >= 4096:
            self._jobs.clear()
        job = self._jobs[key] = Job(shape)
        return job


def _is_dense(tensor: Tensor) -> bool:
    return tensor.is_contiguous() and not tensor.is_neg()


def forward_shape(x: Tensor, geometry: Geometry) -> Shape:
    """Return what the kernels see of a forward pass: a is x, b the weight, out y."""
    per_group, out_per_group = _per_group(geometry)
    height, width = geometry.kernel_size
    taps = height * width
    return _images_shape(
        x,
        geometry,
        channels=(per_group, out_per_group),
        sizes=(geometry.input_size, geometry.output_size),
        corner=(geometry.padding[0], geometry.padding[2]),
        b_steps=(out_per_group * per_group * taps, per_group * taps, taps, width, 1),
    )


def grad_input_shape(g: Tensor, geometry: Geometry) -> Shape:
    """Return what the kernels see of the input's gradient: a is g, b the weight reversed."""
    per_group, out_per_group = _per_group(geometry)
    height, width = geometry.kernel_size
    taps = height * width
    return _images_shape(
        g,
        geometry,
        channels=(out_per_group, per_group),
        sizes=(geometry.output_size, geometry.input_size),
        # Negative where the padding is wider than the filter: those outputs saw zeros only.
        corner=(height - 1 - geometry.padding[0], width - 1 - geometry.padding[2]),
        b_steps=(out_per_group * per_group * taps, taps, per_group * taps, width, 1),
        flipped=True,
    )


def _images_shape(
    a: Tensor,
    geometry: Geometry,
    channels: Pair,
    sizes: tuple[Pair, Pair],
    corner: Pair,
    b_steps: tuple[int, int, int, int, int],
    flipped: bool = False,
) -> Shape:
    """Return the shape of images and weight; pairs are of what is read and what is written."""
    (terms, qs), (size, out) = channels, sizes
    n, c, h, _ = a.stride()
    plane = out[0] * out[1]
    return Shape(
        bits=a.element_size() * 8,
        groups=geometry.groups,
        ps=geometry.batch,
        qs=qs,
        terms=terms,
        size=size,
        kernel=geometry.kernel_size,
        out=out,
        corner=corner,
        a_steps=(terms * c, n, c, h),
        b_steps=b_steps,
        o_steps=(qs * plane, geometry.groups * qs * plane, plane, out[1]),
        flipped=flipped,
    )


def grad_weight_shape(x: Tensor, g: Tensor, geometry: Geometry) -> Shape:
    """Return what the kernels see of the weight's gradient: a is x, b is g, out gw."""
    per_group, out_per_group = _per_group(geometry)
    x_n, x_c, x_h, _ = x.stride()
    g_n, g_c, g_h, _ = g.stride()
    taps = geometry.kernel_size[0] * geometry.kernel_size[1]
    return Shape(
        bits=x.element_size() * 8,
        groups=geometry.groups,
        ps=per_group,
        qs=out_per_group,
        terms=geometry.batch,
        size=geometry.input_size,
        kernel=geometry.output_size,
        out=geometry.kernel_size,
        corner=(geometry.padding[0], geometry.padding[2]),
        a_steps=(per_group * x_c, x_c, x_n, x_h),
        b_steps=(out_per_group * g_c, g_c, g_n, g_h, 1),
        o_steps=(
            out_per_group * per_group * taps,
            taps,
            per_group * taps,
            geometry.kernel_size[1],
        ),
    )


def _per_group(geometry: Geometry) -> tuple[int, int]:
    return geometry.in_channels // geometry.groups, geometry.out_channels // geometry.groups
