"""The tutorial's learnable layer as functions: a cross-correlation by scipy, with gradients.

Two bilinear maps are all there is: the valid cross-correlation V and the full convolution F.
The gradients of ``V(x, w)`` are ``F(g, w)`` and ``V(x, g)``; those of ``F(a, b)`` are ``V(g, b)``
and ``V(g, a)``. So each is differentiable in terms of the other, to any order.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from fftconv.tutorial.exchange import Array, apply, check_tensor, to_numpy

Grads = tuple[Tensor | None, ...]


@dataclass(frozen=True)
class _Backend:
    """The two maps, by one library."""

    correlate_valid: Callable[[Array, Array], Array]
    convolve_full: Callable[[Array, Array], Array]


# scipy.signal is imported where it is called: it is slow to import, and not every user of the
# package gets here.


def _scipy_correlate_valid(x: Array, w: Array) -> Array:
    from scipy.signal import correlate2d

    result: Array = correlate2d(x, w, mode="valid")
    return result


def _scipy_convolve_full(g: Array, w: Array) -> Array:
    from scipy.signal import convolve2d

    result: Array = convolve2d(g, w, mode="full")
    return result


def _fft_correlate_valid(x: Array, w: Array) -> Array:
    from scipy.signal import fftconvolve

    # fftconvolve convolves: flipping the filter makes it a cross-correlation.
    result: Array = fftconvolve(x, w[::-1, ::-1], mode="valid")
    return result


def _fft_convolve_full(g: Array, w: Array) -> Array:
    from scipy.signal import fftconvolve

    result: Array = fftconvolve(g, w, mode="full")
    return result


_SCIPY = _Backend(_scipy_correlate_valid, _scipy_convolve_full)
_FFT = _Backend(_fft_correlate_valid, _fft_convolve_full)


class _Map(Function):
    """What V and F share: they save both operands, and the operands of V may differ in dtype."""

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[_Backend, Tensor, Tensor], output: Tensor) -> None:
        ctx.backend = inputs[0]
        ctx.save_for_backward(*inputs[1:])


class _CorrelateValid(_Map):
    """V: the cross-correlation of `x` with a smaller `w`, where they overlap fully."""

    @staticmethod
    def forward(backend: _Backend, x: Tensor, w: Tensor) -> Tensor:
        return torch.from_numpy(backend.correlate_valid(to_numpy(x), to_numpy(w)))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Grads:
        x, w = ctx.saved_tensors
        _, wants_x, wants_w = ctx.needs_input_grad
        return None, *_gradients(ctx.backend, grad, x, w, wants_x, wants_w)


class _ConvolveFull(_Map):
    """F: the convolution of `a` with `b`, wherever they overlap at all."""

    @staticmethod
    def forward(backend: _Backend, a: Tensor, b: Tensor) -> Tensor:
        return torch.from_numpy(backend.convolve_full(to_numpy(a), to_numpy(b)))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Grads:
        a, b = ctx.saved_tensors
        _, wants_a, wants_b = ctx.needs_input_grad
        grad_a = apply(_CorrelateValid, ctx.backend, grad, b).to(a.dtype) if wants_a else None
        grad_b = apply(_CorrelateValid, ctx.backend, grad, a).to(b.dtype) if wants_b else None
        return None, grad_a, grad_b


def _gradients(
    backend: _Backend, grad: Tensor, x: Tensor, w: Tensor, wants_x: bool, wants_w: bool
) -> tuple[Tensor | None, Tensor | None]:
    """Return the gradients of V that are asked for, each in the dtype of what it belongs to.

    The tutorial casts the filter's gradient to float32, which loses half the digits of a
    float64 filter's.
    """
    grad_x = apply(_ConvolveFull, backend, grad, w).to(x.dtype) if wants_x else None
    grad_w = apply(_CorrelateValid, backend, x, grad).to(w.dtype) if wants_w else None
    return grad_x, grad_w


def check_layer(layer: str, x: object, weight: Tensor, bias: Tensor, *, cpu: bool) -> None:
    """Refuse tensors that the learnable layer cannot correlate, naming shapes and dtypes."""
    x = check_tensor(layer, "input", x, cpu=cpu)
    check_tensor(layer, "filter", weight, cpu=cpu)
    check_tensor(layer, "bias", bias, cpu=cpu)
    if x.dim() != 2 or weight.dim() != 2:
        raise RuntimeError(
            f"{layer}: input and filter must have shape (H, W), "
            f"got input {tuple(x.shape)} and filter {tuple(weight.shape)}"
        )
    if bias.numel() != 1:
        raise RuntimeError(f"{layer}: bias must have one element, got shape {tuple(bias.shape)}")
    if 0 in weight.shape or any(w > n for w, n in zip(weight.shape, x.shape, strict=True)):
        raise RuntimeError(
            f"{layer}: filter must be at least 1x1 and no larger than the input, "
            f"got input {tuple(x.shape)} and filter {tuple(weight.shape)}"
        )


def _forward(backend: _Backend, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    result = backend.correlate_valid(to_numpy(x), to_numpy(weight))
    result += to_numpy(bias).reshape(())
    return torch.as_tensor(result, dtype=x.dtype)


def _backward(backend: _Backend, ctx: Any, grad: Tensor) -> Grads:
    x, weight, bias = ctx.saved_tensors
    wants_x, wants_weight, wants_bias = ctx.needs_input_grad
    grad_bias = grad.sum().reshape(bias.shape).to(bias.dtype) if wants_bias else None
    return *_gradients(backend, grad, x, weight, wants_x, wants_weight), grad_bias


class _Layer(Function):
    """What both layers share: they save their three operands."""

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        """Keep the operands for the gradients."""
        ctx.save_for_backward(*inputs)


class ScipyConv2dFunction(_Layer):
    """Cross-correlation by `scipy.signal.correlate2d`, differentiable to any order.

    `ScipyConv2dFunction.apply(input, filter, bias)` takes input (H, W), filter (h, w) no larger
    than the input, and a bias of one element, each float32 or float64 on the CPU; it returns
    (H - h + 1, W - w + 1) in the dtype of the input. Only the gradients that are asked for are
    computed, each in the dtype of what it belongs to.
    """

    @staticmethod
    def forward(input: Tensor, filter: Tensor, bias: Tensor) -> Tensor:
        """Return ``correlate2d(input, filter, mode='valid') + bias``."""
        check_layer("ScipyConv2d", input, filter, bias, cpu=True)
        return _forward(_SCIPY, input, filter, bias)

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> Grads:
        """Return the gradients of input, filter and bias."""
        return _backward(_SCIPY, ctx, grad_output)


class FFTConv2dFunction(_Layer):
    """Cross-correlation by `scipy.signal.fftconvolve`; otherwise as `ScipyConv2dFunction`."""

    @staticmethod
    def forward(input: Tensor, filter: Tensor, bias: Tensor) -> Tensor:
        """Return ``fftconvolve(input, flipped filter, mode='valid') + bias``."""
        check_layer("FFTConv2d", input, filter, bias, cpu=True)
        return _forward(_FFT, input, filter, bias)

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> Grads:
        """Return the gradients of input, filter and bias."""
        return _backward(_FFT, ctx, grad_output)
