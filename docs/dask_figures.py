"""The figures of docs/dask.md: time and peak memory of filtering an image in storage.

Each command is a process of its own, so that its peak memory is its own::

    python docs/dask_figures.py make mosaic.zarr --side 40000
    python docs/dask_figures.py block --filter 31
    python docs/dask_figures.py read mosaic.zarr --filter 31
    python docs/dask_figures.py filter mosaic.zarr --filter 31
    python docs/dask_figures.py dask-image mosaic.zarr --filter 31
    python docs/dask_figures.py map-overlap mosaic.zarr --filter 31
    python docs/dask_figures.py compare mosaic.zarr --filter 31 --part 8192

`compare` is all that filter the image, one after the other, as a table, and the block.
"""

from __future__ import annotations

import argparse
import importlib
import itertools
import resource
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import dask
import dask.array as da
import numpy as np

SIDE = 4096
NAMES = {
    "filter": "`fftconv.dask.correlate`",
    "map-overlap": "`map_overlap` with scipy's `fftconvolve`",
    "dask-image": "`dask_image.ndfilters.correlate`",
}
"""The commands that filter an image in storage, and by what."""


class Nowhere:
    """Takes blocks and forgets them: what is measured is not the disk."""

    def __setitem__(self, at: Any, block: Any) -> None:
        """Forget a block."""


def weights(side: int) -> np.ndarray:
    """Return a filter of which no part is zero."""
    values = np.random.default_rng(0).random((side, side), "f4")
    return values / values.sum()


def make(options: argparse.Namespace) -> None:
    """Write an image of noise, a chunk at a time."""
    import zarr

    image = zarr.open_array(
        options.image, mode="w", shape=(options.side,) * 2, chunks=(options.chunk,) * 2,
        dtype="f4", compressor=None, zarr_format=2,
    )  # fmt: skip
    generator = np.random.default_rng(1)
    for down in range(0, options.side, options.chunk):
        for right in range(0, options.side, options.chunk):
            part = image[down : down + options.chunk, right : right + options.chunk]
            image[down : down + options.chunk, right : right + options.chunk] = generator.random(
                part.shape, "f4"
            )


def block(options: argparse.Namespace) -> None:
    """Filter one block in memory, with one thread: what a worker could do at best."""
    import torch

    import fftconv

    torch.set_num_threads(1)
    halo = options.filter - 1
    window = torch.rand(1, 1, SIDE + halo, SIDE + halo)
    weight = torch.from_numpy(weights(options.filter))[None, None]
    seconds = []
    for _ in range(6):
        start = time.perf_counter()
        fftconv.conv2d(window, weight)
        seconds.append(time.perf_counter() - start)
    best = sorted(seconds)[len(seconds) // 2]
    print(f"one block of {SIDE}x{SIDE}, one thread: {SIDE**2 / best / 1e6:.1f} Mpixel/s")


def opened(options: argparse.Namespace) -> Any:
    """Open the image, to be read by the pipeline that was asked for."""
    import zarr

    if options.pipeline:
        importlib.import_module(options.pipeline.partition(".")[0])
        zarr.config.set({"codec_pipeline.path": options.pipeline})
    return zarr.open_array(options.image, mode="r")


def read(options: argparse.Namespace) -> None:
    """Read the windows of all blocks, a thread for each worker: what filtering takes at least."""
    image, halo = opened(options), options.filter // 2
    side = image.shape[0] if options.part is None else options.part

    def window(place: tuple[int, int]) -> int:
        wanted = tuple(slice(max(0, at - halo), min(side, at + SIDE) + halo) for at in place)
        return int(image[wanted].size)

    places = list(itertools.product(range(0, side, SIDE), repeat=2))
    start = time.perf_counter()
    with ThreadPoolExecutor(options.workers) as threads:
        numbers = sum(threads.map(window, places))
    seconds = time.perf_counter() - start
    print(
        f"read {len(places)} windows of {numbers / 1e6:.0f} Mpixel, {options.workers} threads: "
        f"{seconds:.1f} s, {side**2 / seconds / 1e6:.1f} Mpixel/s of the image"
    )


def run(options: argparse.Namespace) -> None:
    """Filter an image in storage, and forget the result or write it."""
    import zarr

    side, source = options.part, opened(options)
    if options.command == "filter":
        import fftconv.dask

        filtered = fftconv.dask.correlate(source, weights(options.filter), mode="reflect")
        filtered = filtered[:side, :side]
    else:
        lazy = da.from_array(source)[:side, :side]
        filtered = other(options.command, lazy, weights(options.filter))
    if options.into:
        target: Any = zarr.open_array(
            options.into, mode="w", shape=filtered.shape, chunks=filtered.chunksize, dtype="f4",
            compressor=None, zarr_format=2,
        )  # fmt: skip
    else:
        target = Nowhere()
    before = peak_gb()
    start = time.perf_counter()
    with dask.config.set(scheduler="threads", num_workers=options.workers):
        da.store(filtered, target, lock=False)
    seconds = time.perf_counter() - start
    if options.row:
        rate = filtered.size / seconds / 1e6
        figures = f"{seconds:.1f} s | {rate:.1f} Mpixel/s | {peak_gb():.2f} GB"
        print(f"| {NAMES[options.command]} | {figures} |")
        return
    print(
        f"{options.command} {filtered.shape} by {options.filter}x{options.filter}, "
        f"{options.workers} workers, {len(filtered.chunks[0])}x{len(filtered.chunks[1])} blocks: "
        f"{seconds:.1f} s, {filtered.size / seconds / 1e6:.1f} Mpixel/s, "
        f"peak memory {peak_gb():.2f} GB ({before:.2f} GB before)"
    )


def compare(options: argparse.Namespace) -> None:
    """Filter with each, in a process of its own, and print a table; then the block."""
    shared = [f"--filter={options.filter}", f"--workers={options.workers}"]
    if options.pipeline:
        shared.append(f"--pipeline={options.pipeline}")
    part = [] if options.part is None else [f"--part={options.part}"]
    print("| with | time | rate | peak memory |\n|---|---:|---:|---:|", flush=True)
    for command in NAMES:
        arguments = [command, options.image, *shared, *part, "--row"]
        subprocess.run([sys.executable, __file__, *arguments], check=True)
    subprocess.run([sys.executable, __file__, "block", *shared], check=True)


def other(command: str, image: da.Array, values: np.ndarray) -> da.Array:
    """Filter with what there was before."""
    if command == "dask-image":
        from dask_image import ndfilters

        return ndfilters.correlate(image, values, mode="reflect")
    from scipy.signal import fftconvolve

    flipped = values[::-1, ::-1]
    return da.map_overlap(
        lambda part: fftconvolve(part, flipped, mode="same"),
        image, depth=len(values) // 2, boundary="reflect", dtype="f4",
    )  # fmt: skip


def peak_gb() -> float:
    """Return the peak of the resident memory of this process."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e9 if sys.platform == "darwin" else peak * 1024 / 1e9


def main() -> None:
    """Run one command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=["make", "block", "read", "compare", *NAMES])
    parser.add_argument("image", nargs="?", default="mosaic.zarr")
    parser.add_argument("--side", type=int, default=40000, help="of the image to make")
    parser.add_argument("--chunk", type=int, default=512, help="of the image to make")
    parser.add_argument("--filter", type=int, default=31)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--part", type=int, help="filter a square of this side only")
    parser.add_argument("--pipeline", help="codec_pipeline.path of zarr: zarrs.ZarrsCodecPipeline")
    parser.add_argument("--into", help="write the result there")
    parser.add_argument("--row", action="store_true", help="print a line of a table")
    options = parser.parse_args()
    alone = {"make": make, "block": block, "read": read, "compare": compare}
    alone.get(options.command, run)(options)


if __name__ == "__main__":
    main()
