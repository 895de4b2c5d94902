"""
A mosaic larger than memory
===========================

Learn a blur from a mosaic that does not fit into memory, take it off again, with `fftconv.dask`.

``pip install -e '.[examples]'``, then ``python examples/learn_blur.py``. It generates a mosaic of
many small pictures in storage (zarr) and blurs it there: that is what a camera would have seen.
Then it learns the blur from both by conjugate gradients, which are summed over all blocks
(`conv2d` and `grad_weight`), and sharpens the blurred mosaic by descent on the image (`conv2d` and
`grad_input`). No step holds more than a few rows of blocks. It prints the peak of the memory that
it took, and saves a picture.
"""

import argparse
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import dask
import dask.array as da
import numpy as np
import zarr

import fftconv.dask

#: Sides of a chunk of storage, and of the blocks that tasks work on. A task reads whole chunks at
#: the rim of its window, and writes whole ones, so that no two tasks write into one.
CHUNK, BLOCK = 512, 2048


def blur(side: int) -> np.ndarray:
    """Return a filter that sums to one: a ring and a streak, (1, 1, side, side)."""
    down, right = np.mgrid[:side, :side] - (side - 1) / 2
    ring = np.exp(-((np.hypot(down, right) - side / 3.5) ** 2) / (0.02 * side**2 / 8 + 0.4))
    streak = 1.5 * np.exp(-((down - 0.5 * right) ** 2) / 2 - (right / (side / 4)) ** 2)
    values = ring + streak
    return (values / values.sum()).astype("f4")[None, None]


def tile(block: np.ndarray, block_info: Any = None) -> np.ndarray:
    """Fill one block with discs of random sizes and shades."""
    place = block_info[None]["chunk-location"]
    generator = np.random.default_rng(place)
    height, width = block.shape[1:]
    picture = np.full((height, width), 0.1, "f4")
    for _ in range(max(4, height * width // 1500)):
        y, x, r = generator.integers(height), generator.integers(width), generator.integers(3, 20)
        top, left = max(0, y - r), max(0, x - r)
        part = picture[top : y + r + 1, left : x + r + 1]
        down, right = np.ogrid[top : top + part.shape[0], left : left + part.shape[1]]
        part[(down - y) ** 2 + (right - x) ** 2 <= r * r] = generator.random()
    return picture[None]


def stored(path: Path, array: da.Array) -> Any:
    """Write an array into storage, and return it as it is there."""
    chunks = (1, min(CHUNK, array.shape[1]), min(CHUNK, array.shape[2]))
    kept = zarr.open_array(str(path), mode="w", shape=array.shape, chunks=chunks, dtype="f4")
    da.store(array.rechunk((1, BLOCK, BLOCK)), kept, lock=False)
    return zarr.open_array(str(path), mode="r")


def learn(sharp: Any, blurred: Any, side: int, steps: int) -> np.ndarray:
    """Learn the filter that makes `blurred` out of `sharp`, by conjugate gradients.

    The filter minimizes a quadratic function, whose gradient at w is that of
    ``((conv2d(sharp, w) - blurred)**2).sum() / 2``: a sum over all blocks.
    """
    goal = da.from_array(blurred, chunks=(1, BLOCK, BLOCK))

    def gradient(w: np.ndarray, of: da.Array | None) -> np.ndarray:
        made = fftconv.dask.conv2d(sharp, w, padding=side // 2, chunks=goal.chunks[1:])
        rest = made if of is None else made - of
        pulled: np.ndarray = fftconv.dask.grad_weight(
            sharp, rest, side, padding=side // 2
        ).compute()
        return pulled.astype("f8")

    w = np.full((1, 1, side, side), 1 / side**2)
    rest = -gradient(w.astype("f4"), goal)
    direction, before = rest, (rest**2).sum()
    for step in range(steps):
        curved = gradient(direction.astype("f4"), None)
        pace = before / (direction * curved).sum()
        w, rest = w + pace * direction, rest - pace * curved
        now = (rest**2).sum()
        direction, before = rest + now / before * direction, now
        print(f"step {step + 1} of {steps}: the gradient is {np.sqrt(now):.3g}")
    return w.astype("f4")


def sharpen(blurred: Any, w: np.ndarray, folder: Path, steps: int) -> Any:
    """Take a blur off by gradient descent on the image, each step written into storage."""
    padding = w.shape[-1] // 2
    pace = 1.9 / float(np.abs(np.fft.fft2(w, s=(256, 256))).max()) ** 2
    goal = da.from_array(blurred, chunks=(1, BLOCK, BLOCK))
    current = blurred
    for step in range(steps):
        made = fftconv.dask.conv2d(current, w, padding=padding, chunks=goal.chunks[1:])
        pulled = fftconv.dask.grad_input(made - goal, w, padding=padding, chunks=goal.chunks[1:])
        moved = da.from_array(current, chunks=(1, BLOCK, BLOCK)) - pace * pulled
        current = stored(folder / f"sharpened-{step}.zarr", moved)
    return current


def save_picture(images: dict[str, np.ndarray], path: Path) -> None:
    """Draw images side by side."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3 * len(images), 3.2), layout="constrained")
    for axes, (title, values) in zip(figure.subplots(1, len(images)), images.items(), strict=True):
        axes.imshow(values, cmap="gray")
        axes.set_title(title)
        axes.set_axis_off()
    figure.savefig(path, dpi=100)


def peak_mb() -> float:
    """Return the peak of the resident memory of this process."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6


def main(arguments: list[str] | None = None) -> float:
    """Run the example; return the error of the learned filter relative to the true one's norm."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=16384, help="side of the mosaic")
    parser.add_argument("--filter", type=int, default=21, help="side of the filter, odd")
    parser.add_argument("--steps", type=int, default=12, help="of learning the filter")
    parser.add_argument("--sharpen", type=int, default=4, help="steps of sharpening")
    parser.add_argument("--folder", type=Path, help="where the mosaics go and stay")
    parser.add_argument("--output", type=Path, default=Path("learn_blur.png"))
    options = parser.parse_args(arguments)
    if options.filter % 2 == 0 or not 1 <= options.filter <= options.side:
        parser.error(
            f"--filter must be odd, and from 1 to --side, got {options.filter} and {options.side}"
        )
    if options.steps < 1 or options.sharpen < 0:
        parser.error("--steps must be at least 1, and --sharpen at least 0")
    if not options.output.parent.is_dir():
        parser.error(f"--output must be in a folder that exists, got {options.output}")
    with tempfile.TemporaryDirectory() as temporary, dask.config.set(scheduler="threads"):
        folder = options.folder or Path(temporary)
        before, start = peak_mb(), time.perf_counter()
        blank = da.zeros((1, options.side, options.side), chunks=(1, CHUNK, CHUNK), dtype="f4")
        sharp = stored(folder / "sharp.zarr", blank.map_blocks(tile, dtype="f4"))
        true = blur(options.filter)
        shaken = fftconv.dask.conv2d(sharp, true, padding=options.filter // 2)
        blurred = stored(folder / "blurred.zarr", shaken)
        learned = learn(sharp, blurred, options.filter, options.steps)
        sharpened = sharpen(blurred, learned, folder, options.sharpen)
        error = float(np.linalg.norm(learned - true) / np.linalg.norm(true))
        size, peak = sharp.nbytes / 1e6, peak_mb()
        memory = f"peak memory {peak:.0f} MB" if peak > before else "no new peak of memory"
        print(
            f"the learned filter is off by {100 * error:.2f}%\n"
            f"mosaics of {size:.0f} MB each, {time.perf_counter() - start:.0f} s, "
            f"{memory} ({before:.0f} MB before)"
        )
        corner = slice(0, min(200, options.side))
        pictures = {
            "sharp": np.asarray(sharp[0, corner, corner]),
            "blurred": np.asarray(blurred[0, corner, corner]),
            "learned filter": learned[0, 0],
            "sharpened": np.asarray(sharpened[0, corner, corner]),
        }
        save_picture(pictures, options.output)
        print(f"picture: {options.output.name}")
    return error


if __name__ == "__main__":
    main()
