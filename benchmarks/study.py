"""Contenders measured side by side: peers, methods, memory and errors, a table's rows each.

Contenders take turns within a cell, so that a busy spell of the machine meets all of them, and the
fastest of their samples counts.
"""

import random
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from benchmarks import operands, peak, peers

METHODS = ("native", "compiled", "overlap_save")
CNN = {
    "RGB depthwise 32x3x224, 3x3": ((32, 3, 224, 224), (3, 1, 3, 3), 3),
    "RGB depthwise 32x3x224, 7x7": ((32, 3, 224, 224), (3, 1, 7, 7), 3),
    "depthwise 8x96x56, 3x3": ((8, 96, 56, 56), (96, 1, 3, 3), 96),
    "depthwise 8x96x56, 7x7": ((8, 96, 56, 56), (96, 1, 7, 7), 96),
    "depthwise 8x128x28, 3x3": ((8, 128, 28, 28), (128, 1, 3, 3), 128),
    "depthwise 8x128x28, 7x7": ((8, 128, 28, 28), (128, 1, 7, 7), 128),
    "depthwise 8x96x56, 31x31": ((8, 96, 56, 56), (96, 1, 31, 31), 96),
    "1 to 16, 8x128, 3x3": ((8, 1, 128, 128), (16, 1, 3, 3), 1),
    "3 to 16, 8x128, 3x3": ((8, 3, 128, 128), (16, 3, 3, 3), 1),
    "3 to 16, 8x128, 7x7": ((8, 3, 128, 128), (16, 3, 7, 7), 1),
    "3 to 16, 8x128, 15x15": ((8, 3, 128, 128), (16, 3, 15, 15), 1),
    "16 to 16, 8x64, 3x3": ((8, 16, 64, 64), (16, 16, 3, 3), 1),
    "16 to 16, 8x64, 7x7": ((8, 16, 64, 64), (16, 16, 7, 7), 1),
    "64 to 64, 4x56, 3x3": ((4, 64, 56, 56), (64, 64, 3, 3), 1),
    "64 to 64, 4x56, 7x7": ((4, 64, 56, 56), (64, 64, 7, 7), 1),
    "64 to 64, 4x56, 15x15": ((4, 64, 56, 56), (64, 64, 15, 15), 1),
}
#: Cells that native would need longer for are left out of native's side.
NATIVE_MACS = 2e10
Call = Callable[[], object]
Row = dict[str, Any]


#: A call that takes so long brings caches and threads back in a small part of its time.
LONG_S = 0.1
#: What takes so long is sampled once. (A step of 128 channels of 128x128, 15x15, in channels_last:
#: minutes.)
ENDLESS_S = 30.0


def side_by_side(
    calls: dict[str, Call], rounds: int = 15, sample_s: float = 0.004, long_rounds: int = 2
) -> dict[str, float]:
    """Return the seconds of each call: the best of samples that are taken in turns.

    The order is drawn by lot in each turn: what a call leaves behind in caches and in the heap is
    not to meet the same one each time. Calls of more than half a second have `long_rounds` turns;
    those that take endlessly have none but the first call, which warms others up.
    """
    dice = random.Random(0)
    best = dict.fromkeys(calls, float("inf"))
    for name, call in calls.items():
        start = time.perf_counter()
        call()
        once = time.perf_counter() - start
        if once > ENDLESS_S:
            best[name] = once
    for turn in range(rounds):
        for name, call in dice.sample(list(calls.items()), len(calls)):
            if turn >= _turns(best[name], rounds, long_rounds):
                continue
            start = time.perf_counter()
            call()  # brings caches and threads back to this contender
            once = max(time.perf_counter() - start, 1e-7)
            if once > LONG_S:
                best[name] = min(best[name], once)
                continue
            count = max(1, min(1000, int(sample_s / once)))
            start = time.perf_counter()
            for _ in range(count):
                call()
            best[name] = min(best[name], (time.perf_counter() - start) / count)
    return best


def _turns(best_s: float, rounds: int, long_rounds: int) -> int:
    """Return how many samples a call needs, by the best so far: infinity if there is none."""
    if best_s == float("inf"):
        return rounds
    if best_s > ENDLESS_S:
        return 0
    if best_s > 0.5:
        return long_rounds
    return 7 if best_s > 0.02 else rounds


def cells(sizes: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    """Yield input and filter sizes."""
    for size in sizes:
        for taps in peers.FILTER_SIZES:
            if taps < size:
                yield size, taps


def against_peers(sizes: tuple[int, ...], training: bool) -> Iterator[Row]:
    """Compare with other libraries: forward, or forward and both gradients."""
    make = peers.training_call if training else peers.forward_call
    names = peers.TRAINABLE if training else tuple(peers.PACKAGES)
    for size, taps in cells(sizes):
        maps = 3 if training else 1
        usable = [n for n in names if peers.skip_reason(n, size, taps, maps) is None]
        seconds = side_by_side({n: make(n, size, taps) for n in usable})
        others = {n: s for n, s in seconds.items() if n != "auto"}
        best = min(others, key=others.__getitem__)
        yield {
            "cell": f"{size} / {taps}",
            "size": size,
            "auto_s": seconds["auto"],
            "best": best,
            "ratio": others[best] / seconds["auto"],
            "seconds": seconds,
        }


def against_methods(sizes: tuple[int, ...], training: bool) -> Iterator[Row]:
    """Compare with every method: the regret of `auto`, and its speed against native."""
    shapes = {f"{n} / {k}": ((1, 1, n, n), (1, 1, k, k), 1, 0) for n, k in cells(sizes)} | {
        name: (x, w, groups, w[2] // 2) for name, (x, w, groups) in CNN.items()
    }
    for name, (x_shape, w_shape, groups, padding) in shapes.items():
        x, w = (operands.seeded(shape, torch.float32) for shape in (x_shape, w_shape))
        macs = x[:, 0].numel() * w.numel() * (3 if training else 1)
        names = [m for m in ("auto", *METHODS) if m != "native" or macs < NATIVE_MACS]
        calls = {m: method_call(m, x, w, groups, padding, training) for m in names}
        seconds = side_by_side(calls)
        best = min(METHODS, key=lambda m: seconds.get(m, float("inf")))
        yield {
            "cell": name,
            "auto_s": seconds["auto"],
            "best": best,
            "ratio": seconds["auto"] / min(s for m, s in seconds.items() if m != "auto"),
            "speedup": seconds.get("native", float("nan")) / seconds["auto"],
            "seconds": seconds,
        }


def method_call(
    method: str, x: Tensor, w: Tensor, groups: int, padding: int, training: bool
) -> Call:
    """Return a call of fftconv's conv2d by one method."""
    conv2d = operands.subject("conv2d")
    if not training:
        return lambda: conv2d(x, w, None, 1, padding, 1, groups, method=method)
    x, w = x.clone().requires_grad_(), w.clone().requires_grad_()
    with torch.no_grad():
        g = torch.ones_like(conv2d(x, w, None, 1, padding, 1, groups, method="auto"))

    def both() -> object:
        y = conv2d(x, w, None, 1, padding, 1, groups, method=method)
        return y, torch.autograd.grad(y, (x, w), g)

    return both


def backward_call(x: Tensor, w: Tensor, groups: int, padding: int) -> Call:
    """Return a call of both gradients of `auto`, without the forward pass."""
    x, w = x.clone().requires_grad_(), w.clone().requires_grad_()
    y = operands.subject("conv2d")(x, w, None, 1, padding, 1, groups, method="auto")
    g = torch.ones_like(y)
    return lambda: torch.autograd.grad(y, (x, w), g, retain_graph=True)


def memory(sizes: tuple[int, ...]) -> Iterator[Row]:
    """Measure the peak of forward, and of both gradients.

    What a call returns counts as needed by it; what it is given does not.
    """
    shapes = {f"{n} / {k}": ((1, 1, n, n), (1, 1, k, k), 1, 0) for n, k in cells(sizes)} | {
        name: (x, w, groups, w[2] // 2) for name, (x, w, groups) in CNN.items()
    }
    for name, (x_shape, w_shape, groups, padding) in shapes.items():
        x, w = (operands.seeded(shape, torch.float32) for shape in (x_shape, w_shape))
        out = [n + 2 * padding - k + 1 for n, k in zip(x_shape[2:], w_shape[2:], strict=True)]
        given = 4 * (x.numel() + x_shape[0] * w_shape[0] * out[0] * out[1])
        calls = {
            "forward": method_call("auto", x, w, groups, padding, training=False),
            "backward": backward_call(x, w, groups, padding),
        }
        for direction, call in calls.items():
            # What a library does once in a while, such as loading code, is no need of the call.
            extra = min(peak.extra_bytes(call) for _ in range(3))
            yield {
                "cell": f"{name}, {direction}",
                "extra_bytes": extra,
                "given_bytes": given,
                "ratio": extra / given,
            }


def accuracy(sizes: tuple[int, ...]) -> Iterator[Row]:
    """Compare errors against float64 with native's, output and gradients."""
    from scipy.signal import fftconvolve

    for size, taps in cells(sizes):
        x, w = (operands.seeded((n, n), torch.float64) for n in (size, taps))
        g = operands.seeded((size - taps + 1,) * 2, torch.float64)
        x, w, g = (t.float().double() for t in (x, w, g))
        a, b, c = x.numpy(), w.numpy(), g.numpy()
        truth = {
            "forward": fftconvolve(a, b[::-1, ::-1], mode="valid"),
            "grad_input": fftconvolve(c, b),
            "grad_weight": fftconvolve(a, c[::-1, ::-1], mode="valid"),
        }
        errors = {}
        for method in ("auto", "native"):
            if method == "native" and peers.skip_reason("torch", size, taps, 3) is not None:
                continue
            conv2d = operands.subject("conv2d")
            p, q = (t.float()[None, None].requires_grad_() for t in (x, w))
            y = conv2d(p, q, method=method)
            gx, gw = torch.autograd.grad(y, (p, q), g.float()[None, None])
            errors[method] = {
                name: float(abs(value.detach()[0, 0].double().numpy() - truth[name]).max())
                / float(abs(truth[name]).max())
                for name, value in (("forward", y), ("grad_input", gx), ("grad_weight", gw))
            }
        if "native" in errors:
            for name in truth:
                yield {
                    "cell": f"{size} / {taps}, {name}",
                    "error": errors["auto"][name],
                    "native": errors["native"][name],
                    "ratio": errors["auto"][name] / errors["native"][name],
                }
