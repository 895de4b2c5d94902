"""The same correlation by other libraries: OpenCV, scipy, JAX, and three that use torch's FFT.

``pip install -e '.[peers]'`` installs them; one that is missing is skipped with a sentence.
``asv run --bench peers`` runs it under asv, ``python -m benchmarks.peers`` under pyperf.
"""

from collections.abc import Callable
from functools import cache, partial
from importlib.util import find_spec
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks import operands
from benchmarks.pyperf_main import Task, main
from benchmarks.sampling import Sampled

INPUT_SIZES = (64, 128, 256, 512, 1024, 2048)
FILTER_SIZES = (3, 7, 15, 31, 63)

Call = Callable[[], object]

#: Name to the package that it needs.
PACKAGES = {
    "auto": "fftconv",
    "torch": "torch",
    "correlate2d": "scipy",
    "fftconvolve": "scipy",
    "oaconvolve": "scipy",
    "ndimage": "scipy",
    "opencv": "cv2",
    "fft_conv": "fft_conv_pytorch",
    "torch_fftconv": "torch_fftconv",
    "kornia": "kornia",
    "jax": "jax",
}
TRAINABLE = ("auto", "torch", "fft_conv", "torch_fftconv", "kornia", "jax")

# Multiply-adds per second of the libraries that do the direct sum, roughly: what is skipped.
_MACS_PER_S = {"correlate2d": 0.9e9, "ndimage": 0.6e9, "torch": 5e9, "jax": 5e9}
_BUDGET_S = 2.0
_IM2COL_BYTES = 4 * 2**30


def skip_reason(peer: str, size: int, taps: int, maps: int = 1) -> str | None:
    """Say in a sentence why a peer is not measured for a case, or return None if it is."""
    missing = operands.missing_method(peer) if peer == "auto" else None
    if missing is not None:
        return missing
    package = PACKAGES[peer]
    if find_spec(package) is None:
        return (
            f"{peer} is skipped: {package} is not installed; pip install -e '.[peers]' does that."
        )
    macs = ((size - taps + 1) * taps) ** 2
    seconds = maps * macs / _MACS_PER_S.get(peer, float("inf"))
    if seconds > _BUDGET_S:
        return (
            f"{peer} on {size}x{size} with {taps}x{taps} is skipped: about {seconds:.0f} s a call."
        )
    if peer == "torch" and 4 * macs > _IM2COL_BYTES and maps > 1:
        return (
            f"torch on {size}x{size} with {taps}x{taps} is skipped: "
            f"im2col would take {4 * macs / 2**30:.0f} GiB."
        )
    return None


def forward_call(peer: str, size: int, taps: int) -> Call:
    """Return the call that computes the valid correlation of one plane, in float32.

    OpenCV and ndimage know only outputs of the input's size: theirs is computed and cropped.
    """
    x, w = _operands(size, taps)
    half = (taps - 1) // 2
    inner = slice(half, half + size - taps + 1)
    a, b = x.numpy(), w.numpy()
    if peer == "opencv":
        import cv2

        cv2.setNumThreads(torch.get_num_threads())
        return lambda: cv2.filter2D(a, -1, b, borderType=cv2.BORDER_CONSTANT)[inner, inner]
    if peer == "ndimage":
        from scipy import ndimage

        return lambda: ndimage.correlate(a, b, mode="constant")[inner, inner]
    if peer in ("correlate2d", "fftconvolve", "oaconvolve"):
        from scipy import signal

        if peer == "correlate2d":
            return lambda: signal.correlate2d(a, b, mode="valid")
        convolve = getattr(signal, peer)
        return lambda: convolve(a, b[::-1, ::-1], mode="valid")
    if peer == "jax":
        return _jax_forward(a, b)
    function = _functions()[peer]
    planes, weight = x[None, None], w[None, None]
    return lambda: function(planes, weight)


def training_call(peer: str, size: int, taps: int) -> Call:
    """Return the call that computes the output and the gradients of input and filter."""
    x, w = _operands(size, taps)
    g = operands.seeded((size - taps + 1, size - taps + 1), torch.float32)
    if peer == "jax":
        return _jax_training(x.numpy(), w.numpy(), g.numpy())
    function = _functions()[peer]
    planes, weight = x[None, None].requires_grad_(), w[None, None].requires_grad_()

    def call() -> object:
        y = function(planes, weight)
        return torch.autograd.grad(y, (planes, weight), g[None, None])

    return call


def _operands(size: int, taps: int) -> tuple[Tensor, Tensor]:
    float32 = torch.float32
    return operands.seeded((size, size), float32), operands.seeded((taps, taps), float32)


@cache
def _functions() -> dict[str, Callable[[Tensor, Tensor], Tensor]]:
    functions: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"torch": F.conv2d}
    if operands.skip_reason("conv2d") is None:
        functions["auto"] = operands.subject("conv2d")
    if find_spec("fft_conv_pytorch") is not None:
        from fft_conv_pytorch import fft_conv

        functions["fft_conv"] = fft_conv
    if find_spec("torch_fftconv") is not None:
        from torch_fftconv import fft_conv2d

        functions["torch_fftconv"] = fft_conv2d
    if find_spec("kornia") is not None:
        from kornia.filters import fft_conv as filtered

        # Its kernel has no axis of output channels: it filters each channel alike.
        functions["kornia"] = lambda x, w: filtered(x, w[0], padding="valid")
    return functions


def _jax_function() -> Any:
    import jax

    def correlate(x: Any, w: Any) -> Any:
        return jax.lax.conv_general_dilated(x, w, (1, 1), "VALID")

    return correlate


def _jax_forward(a: Any, b: Any) -> Call:
    import jax

    function = jax.jit(_jax_function())
    x, w = jax.numpy.asarray(a)[None, None], jax.numpy.asarray(b)[None, None]
    return lambda: jax.block_until_ready(function(x, w))


def _jax_training(a: Any, b: Any, c: Any) -> Call:
    import jax

    def both(x: Any, w: Any, g: Any) -> Any:
        y, pull = jax.vjp(_jax_function(), x, w)
        return y, pull(g)

    function = jax.jit(both)
    x, w, g = (jax.numpy.asarray(part)[None, None] for part in (a, b, c))
    return lambda: jax.block_until_ready(function(x, w, g))


class Peers(Sampled):
    """Seconds of the valid correlation of one plane with one filter, float32."""

    params = (list(PACKAGES), list(INPUT_SIZES), list(FILTER_SIZES))
    param_names = ("peer", "input", "filter")

    def setup(self, peer: str, size: int, taps: int) -> None:
        """Make the cell's operands, or skip the cell."""
        reason = skip_reason(peer, size, taps)
        if reason is not None:
            raise NotImplementedError(reason)
        self.prepare((peer, size, taps), partial(forward_call, peer, size, taps))

    def time_forward(self, *_: object) -> None:
        """One correlation."""
        self.sample()


def tasks() -> list[Task]:
    """Return every cell of this module, named as pyperf reports it."""
    return [
        Task(
            f"{peer}-{size}-{taps}",
            partial(forward_call, peer, size, taps),
            skip_reason(peer, size, taps),
        )
        for peer in PACKAGES
        for size in INPUT_SIZES
        for taps in FILTER_SIZES
    ]


if __name__ == "__main__":
    main("benchmarks.peers", tasks())
