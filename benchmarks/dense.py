"""Dense layers measured side by side: `auto`, native, and native in channels_last."""

from collections.abc import Iterator

import torch
from torch import Tensor

from benchmarks import operands
from benchmarks.study import Call, Row, side_by_side

#: Input shapes and output channels of dense layers; the filters that they are measured with.
LAYERS = {
    "8x64x56": ((8, 64, 56, 56), 64),
    "1x64x112": ((1, 64, 112, 112), 64),
    "8x128x28": ((8, 128, 28, 28), 128),
    "4x32x64": ((4, 32, 64, 64), 32),
    "1x16x224": ((1, 16, 224, 224), 16),
    "1x128x128": ((1, 128, 128, 128), 128),
    "1x256x56": ((1, 256, 56, 56), 256),
    "16x256x14": ((16, 256, 14, 14), 256),
    "16x512x7": ((16, 512, 7, 7), 512),
    "8x24x40": ((8, 24, 40, 40), 24),
    "8x48x40": ((8, 48, 40, 40), 48),
    "4x80x30": ((4, 80, 30, 30), 80),
    "4x100x30": ((4, 100, 30, 30), 100),
}
FILTERS = (3, 5, 7, 9, 11, 15)


def against_native(training: bool) -> Iterator[Row]:
    """Compare `auto` with native, and with native in channels_last, on dense layers.

    In training the weight changes before each step.
    """
    for name, (shape, outs) in LAYERS.items():
        for taps in FILTERS:
            if taps > 2 * shape[2]:
                continue
            x = operands.seeded(shape, torch.float32)
            w = operands.seeded((outs, shape[1], taps, taps), torch.float32)
            last = x.contiguous(memory_format=torch.channels_last)
            contenders = {"native": (x, "native"), "channels_last": (last, "native")}
            contenders["auto"] = x, "auto"
            calls = {
                key: layer_call(method, of, w, taps // 2, training)
                for key, (of, method) in contenders.items()
            }
            seconds = side_by_side(calls, rounds=5)
            best = min(("native", "channels_last"), key=seconds.__getitem__)
            yield {
                "cell": f"{name} to {outs}, {taps}x{taps}",
                "channels": shape[1],
                "taps": taps,
                "auto_s": seconds["auto"],
                "best": best,
                "ratio": seconds[best] / seconds["auto"],
                "seconds": seconds,
            }


def layer_call(method: str, x: Tensor, w: Tensor, padding: int, training: bool) -> Call:
    """Return a call of conv2d, or a step of training whose weight is new."""
    conv2d = operands.subject("conv2d")
    if not training:
        return lambda: conv2d(x, w, None, 1, padding, method=method)
    x, w = x.clone().requires_grad_(), w.clone().requires_grad_()
    with torch.no_grad():
        g = torch.ones_like(conv2d(x, w, None, 1, padding, method="native"))

    def step() -> object:
        with torch.no_grad():
            w.mul_(-1)
        y = conv2d(x, w, None, 1, padding, method=method)
        return y, torch.autograd.grad(y, (x, w), g)

    return step
