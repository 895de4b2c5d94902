"""Measure a machine's constants: what ``python -m fftconv calibrate`` does, within a minute."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import product
from math import sqrt

import numpy as np
import torch

from fftconv.calibration.machine import SCHEMA, STRIP, Machine, Precision, Rate, Tile, processor
from fftconv.geometry import Geometry, Pair
from fftconv.methods.compiled.division import correlation, divide, work
from fftconv.methods.maps import MAPS
from fftconv.methods.method import Method
from fftconv.methods.overlap_save.method import OverlapSave
from fftconv.methods.overlap_save.products import multiply
from fftconv.methods.overlap_save.tiling import Tiling
from fftconv.methods.registry import REGISTRY

#: Channels (per group in, per group out, groups) that torch's convolution is timed with.
CHANNELS = {
    torch.float32: (
        (1, 1, 1), (1, 4, 1), (1, 16, 1), (3, 3, 1), (3, 16, 1), (8, 8, 1), (16, 3, 1), (16, 16, 1),
        (64, 64, 1), (1, 1, 3), (1, 1, 16), (1, 1, 64), (4, 8, 4),
    ),
    torch.float64: ((1, 1, 1), (1, 16, 1), (16, 16, 1), (64, 64, 1), (1, 1, 3), (1, 1, 64)),
}  # fmt: skip
SIDES = {torch.float32: (1, 3, 5, 7, 11, 15, 31), torch.float64: (1, 3, 7, 15, 31)}
#: Input and filter sizes, channels and padding for the compiled kernels.
PLANES = (
    *product((64, 256, 768), (3, 7, 15, 31), (1,), (0,)),
    *((56, 3, 96, 1), (56, 7, 96, 3), (28, 3, 128, 1), (28, 7, 128, 3), (256, 9, 1, 4)),
    *((1024, 3, 1, 0), (1024, 5, 1, 0), (128, 63, 1, 0), (512, 2, 1, 0), (512, 4, 1, 0)),
)
#: Sides of the tiles that are timed. Neighbours differ by a third or more: 128 is fast, 144 is not.
TILES = (
    32, 48, 64, 72, 80, 96, 112, 128, 144, 160, 192, 216, 240, 256, 288, 320, 384, 432, 480, 512,
    576, 640, 768, 1024, 1152, 2048,
)  # fmt: skip
#: Numbers of the tiles that are timed at a time, at most: what a pass has in the caches.
TILE_NUMBERS = 1 << 19
#: Seconds of samples for each figure; the best sample counts.
SAMPLE_S = 0.004

Step = Callable[[], None]


def best_s(call: Callable[[], object], sample_s: float = SAMPLE_S) -> float:
    """Return the seconds of the fastest of a few calls.

    At least five, or as many as fit into ten times `sample_s`: a busy spell must not spoil all.
    """
    call()
    fastest, spent, calls = float("inf"), 0.0, 0
    while not calls or spent < sample_s or (calls < 5 and spent < 10 * sample_s):
        start = time.perf_counter()
        call()
        took = time.perf_counter() - start
        fastest, spent, calls = min(fastest, took), spent + took, calls + 1
    return fastest


def measure() -> Iterator[tuple[float, str, Machine | None]]:
    """Measure this machine: yield the share done and what comes next, and at the end the result."""
    precisions = {}
    for n, dtype in enumerate((torch.float32, torch.float64)):
        half = 0.5 * n
        native = []
        for i, channels in enumerate(CHANNELS[dtype]):
            yield half + 0.3 * i / len(CHANNELS[dtype]), f"torch's convolution, {dtype}", None
            native.append(_native_rate(channels, dtype))
        yield half + 0.3, f"compiled kernels, {dtype}", None
        compiled = _compiled_rates(dtype)
        yield half + 0.4, f"tiles, {dtype}", None
        call, product = _fft_call_s(), _product_per_pixel(dtype)
        tiles = tuple(_tile(side, dtype, call, product) for side in TILES)
        yield half + 0.48, f"products, {dtype}", None
        precisions[dtype] = Precision(
            tuple(native), compiled, tiles, product, *_products(dtype), _copy(dtype)
        )
    machine = Machine(
        schema=SCHEMA,
        processor=processor(),
        threads=torch.get_num_threads(),
        torch=str(torch.__version__),
        native_call=_call_s("native"),
        compiled_call=_call_s("compiled"),
        fft_call=_fft_call_s(),
        float32=precisions[torch.float32],
        float64=precisions[torch.float64],
    )
    yield 1.0, "done", machine


def _native_rate(channels: tuple[int, int, int], dtype: torch.dtype) -> Rate:
    per_in, per_out, groups = channels
    batch = max(1, min(8, 64 // max(per_in * groups, per_out * groups)))
    size = 64
    if groups > 1:
        # Torch computes depthwise in the layout of channels last: small planes are what it is for.
        batch, size = 4, 32
    columns: dict[str, list[float]] = {"forward": [], "grad_input": [], "grad_weight": []}
    for side in SIDES[dtype]:
        geometry = Geometry.of(
            (batch, per_in * groups, size, size),
            (per_out * groups, per_in, side, side),
            padding=side // 2,
            groups=groups,
        )
        for name, call in _maps(REGISTRY["native"], geometry, dtype):
            columns[name].append(best_s(call) / geometry.macs)
    values = {name: tuple(column) for name, column in columns.items()}
    return Rate(channels, SIDES[dtype], **values)


def _maps(
    subject: Method, geometry: Geometry, dtype: torch.dtype
) -> Iterator[tuple[str, Callable[[], object]]]:
    generator = torch.Generator().manual_seed(0)
    x, w, g = (
        torch.randn(shape, dtype=dtype, generator=generator)
        for shape in (geometry.input_shape, geometry.weight_shape, geometry.output_shape)
    )
    maps = subject.prepare(geometry, dtype, x.device)
    yield "forward", lambda: maps.forward(x, w)
    yield "grad_input", lambda: maps.grad_input(g, w)
    yield "grad_weight", lambda: maps.grad_weight(x, g)


def _compiled_rates(dtype: torch.dtype) -> tuple[float, float, float, float, float, float]:
    """Fit the seconds of many cases to their counts, none of them negative."""
    from scipy.optimize import nnls

    threads = torch.get_num_threads()
    call = _call_s("compiled")
    rows, seconds = [], []
    for size, side, channels, padding in PLANES:
        geometry = Geometry.of(
            (6 if channels > 1 else 1, channels, size, size),
            (channels, 1, side, side),
            padding=padding,
            groups=channels,
        )
        for name, (_, run) in zip(MAPS, _maps(REGISTRY["compiled"], geometry, dtype), strict=True):
            shape = correlation(name, geometry, 8 * dtype.itemsize)
            division = divide(shape)
            if division.serial:
                continue
            taken = best_s(run)
            # Every case counts the same, long or short.
            rows.append([count / taken for count in work(shape, division).values()])
            seconds.append(max(taken - call, 0.1 * taken) / taken * threads)
    fitted, _ = nnls(np.array(rows), np.array(seconds))
    return tuple(float(value) for value in fitted)  # type: ignore[return-value]


def _tile(side: int, dtype: torch.dtype, call: float, product: float) -> Tile:
    shapes = (STRIP, side), (side, STRIP), (side, side)
    return Tile(side, *(_trip_s(shape, dtype, call, product) for shape in shapes))


def _trip_s(fft: Pair, dtype: torch.dtype, call: float, product: float) -> float:
    """Time tiles of one size where they lie in an image, as many on each thread."""
    threads, pixels = torch.get_num_threads(), fft[0] * fft[1]
    taps = tuple(min(31, 1 + side // 4) for side in fft)
    step = fft[0] - taps[0] + 1, fft[1] - taps[1] + 1
    columns = max(1, round(sqrt(TILE_NUMBERS / pixels)))
    grid = threads * max(1, TILE_NUMBERS // (pixels * columns * threads)), columns
    size = (n * s + k - 1 for n, s, k in zip(grid, step, taps, strict=True))
    geometry = Geometry.of((1, 1, *size), (1, 1, *taps))
    tiles = Tiling(fft, step, grid, 1, 1)
    _, forward = next(_maps(OverlapSave(lambda *_: tiles), geometry, dtype))
    taken = best_s(forward)
    there_and_back = max(taken - call, 0.1 * taken) * threads / (grid[0] * grid[1] * pixels)
    return max(there_and_back - product, 0.1 * there_and_back) / 2


def _product_per_pixel(dtype: torch.dtype) -> float:
    """Return thread-seconds per pixel of a product: what four channels take more that all mix."""
    side, batch, channels = 64, 16, 4
    apart = _images_s(side, batch, channels, channels, dtype)
    mixed = _images_s(side, batch, channels, 1, dtype)
    count = batch * channels * (channels - 1) * side**2
    return max(mixed - apart, 0.02 * apart) * torch.get_num_threads() / count


def _images_s(side: int, batch: int, channels: int, groups: int, dtype: torch.dtype) -> float:
    """Return the seconds of the forward pass over images that are a tile each."""
    geometry = Geometry.of(
        (batch, channels, side, side), (channels, channels // groups, 3, 3), groups=groups
    )
    whole = Tiling((side, side), geometry.output_size, (1, 1), batch, 1)
    _, forward = next(_maps(OverlapSave(lambda *_: whole), geometry, dtype))
    return best_s(forward)


def _products(dtype: torch.dtype) -> tuple[float, float, float]:
    """Return the rates of `Precision.plane`, `filter` and `matrix`."""
    few, many, images = 8, 32, 16
    # Three cases, three unknowns: seconds = 2 n c plane + c^2 filter + n c^2 matrix.
    cases = ((1, many), (images, many), (images, few))
    counts = [[2 * n * c, c * c, n * c * c] for n, c in cases]
    seconds = [_product_s(c, n, dtype) for n, c in cases]
    least = seconds[1] / (images * many**2) / 100
    solved = np.linalg.solve(np.array(counts, float), np.array(seconds))
    plane, per_filter, matrix = (max(float(rate), least) for rate in solved)
    return plane, per_filter, matrix


def _product_s(channels: int, images: int, dtype: torch.dtype) -> float:
    """Return thread-seconds per place of the spectra, for the product over all channels."""
    side = 32
    shape = images, channels, 1, 1, side, side // 2 + 1
    x = torch.randn(shape, dtype=dtype.to_complex())
    w = torch.randn((shape[1], channels, *shape[2:]), dtype=dtype.to_complex())
    geometry = Geometry.of((images, channels, side, side), (channels, channels, 9, 9))
    places = shape[4] * shape[5]
    return best_s(lambda: multiply(x, w, geometry)) * torch.get_num_threads() / places


def _copy(dtype: torch.dtype) -> float:
    planes = torch.randn(4, 4, 256, 256, dtype=dtype)
    tiles = planes.unfold(2, 128, 128).unfold(3, 128, 128)
    return best_s(tiles.clone) * torch.get_num_threads() / planes.numel()


def _call_s(method: str) -> float:
    geometry = Geometry.of((1, 1, 8, 8), (1, 1, 3, 3))
    calls = _maps(REGISTRY[method], geometry, torch.float32)
    return min(_serial_s(call) for _, call in calls)


def _fft_call_s() -> float:
    """Return the seconds per map of an image that is transformed as a whole, of next to nothing.

    That is of the forward pass; the gradients take longer alone, and together they share.
    """
    geometry = Geometry.of((1, 1, 16, 16), (1, 1, 9, 9))
    subject = OverlapSave(lambda *_: Tiling((16, 16), geometry.output_size, (1, 1), 1, 1))
    _, forward = next(_maps(subject, geometry, torch.float32))
    return _serial_s(forward)


def _serial_s(call: Callable[[], object]) -> float:
    """Return the seconds of a call on one thread.

    What a call costs beside its work does not depend on threads, while on a busy machine the second
    one may be waited for a thousand times as long.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return best_s(call, 10 * SAMPLE_S)
    finally:
        torch.set_num_threads(threads)
