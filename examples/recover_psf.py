"""
Which hand shook?
=================

Recover an unknown blur from a sharp and a blurred photograph, with `fftconv.Conv2d`.

``pip install -e '.[examples]'``, then ``python examples/recover_psf.py``. The photograph is the
camera image that comes with scikit-image. It is blurred with a 41x41 filter (a hand that shook);
gradient descent then learns the filter back from the two images. It prints the time of a training
step with ``method="native"`` and with ``method="auto"``, and saves a picture of both filters.
"""

import argparse
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

import fftconv


def shaken(size: int) -> Tensor:
    """Return the filter of a hand that shook: a soft curve that sums to one, (size, size)."""
    t = torch.linspace(0, 1, 400)
    down = 0.5 + 0.33 * torch.sin(4.2 * t) * (0.4 + 0.6 * t)
    right = 0.5 + 0.36 * torch.cos(5.1 * t) * (1 - 0.35 * t)
    places = torch.arange(size) + 0.5
    width = 2 * (size / 41) ** 2 + 0.3
    rows = torch.exp(-((places[:, None] - size * down) ** 2) / width)
    columns = torch.exp(-((places[:, None] - size * right) ** 2) / width)
    curve = rows @ columns.T
    return curve / curve.sum()


def photograph(size: int) -> Tensor:
    """Return the middle of scikit-image's camera image, (size, size) at most (512, 512)."""
    from skimage import data

    image = torch.from_numpy(data.camera()).float() / 255
    first = (image.shape[0] - size) // 2
    return image[first : first + size, first : first + size]


def edges(image: Tensor) -> Tensor:
    """Return what the Laplacian leaves of an image, (1, 1, H - 2, W - 2).

    It commutes with any blur. A photograph is mostly slow changes; with them gone, all of the
    filter is learnt at about the same pace.
    """
    laplacian = torch.tensor([[0.0, -1.0, 0.0], [-1.0, 4.0, -1.0], [0.0, -1.0, 0.0]])
    return F.conv2d(image[None, None], laplacian[None, None])


def learn(
    sharp: Tensor, blurred: Tensor, size: int, method: str, steps: int
) -> tuple[Tensor, float]:
    """Learn the filter that makes `blurred` out of `sharp`.

    Parameters
    ----------
    sharp, blurred
        (1, 1, H, W) and (1, 1, H - size + 1, W - size + 1).
    size
        Side of the filter.
    method
        Of `fftconv.Conv2d`.
    steps
        Training steps.

    Returns
    -------
    filter : Tensor
        (size, size).
    step_s : float
        Seconds of the median step.
    """
    layer = fftconv.Conv2d(1, 1, size, bias=False, method=method)
    torch.nn.init.zeros_(layer.weight)
    optimizer = torch.optim.Adam(layer.parameters(), lr=2e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    seconds = []
    for _ in range(steps):
        start = time.perf_counter()
        optimizer.zero_grad()
        loss = F.mse_loss(layer(sharp), blurred)
        loss.backward()
        optimizer.step()
        schedule.step()
        seconds.append(time.perf_counter() - start)
    # The first steps compile and fill caches.
    median = sorted(seconds[len(seconds) // 2 :])[len(seconds) // 4]
    return layer.weight.detach()[0, 0], median


def save_picture(true: Tensor, learned: Tensor, path: Path) -> None:
    """Draw both filters side by side."""
    from matplotlib import pyplot as plt

    figure = plt.figure(figsize=(6, 3.2), layout="constrained")
    for axes, values, title in zip(
        figure.subplots(1, 2), (true, learned), ("true filter", "learned filter"), strict=True
    ):
        axes.imshow(values.numpy(), cmap="gray", vmin=0, vmax=float(true.max()))
        axes.set_title(title)
        axes.set_axis_off()
    figure.savefig(path, dpi=120)


def main(arguments: list[str] | None = None) -> float:
    """Run the example; return the error of the learned filter relative to the true one's norm."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--image", type=int, default=512, help="side of the photograph")
    parser.add_argument("--filter", type=int, default=41, help="side of the filter")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--native-steps", type=int, default=6, help="steps that are only timed")
    parser.add_argument("--output", type=Path, default=Path("recover_psf.png"))
    options = parser.parse_args(arguments)
    # Of what is blurred the Laplacian leaves a pixel at least.
    if not 2 <= options.filter <= options.image - 2 or options.image > 512:
        parser.error(
            "--filter must be from 2 to --image - 2, and --image at most 512, got "
            f"{options.filter} and {options.image}"
        )
    if min(options.steps, options.native_steps) < 1:
        parser.error("--steps and --native-steps must be at least 1")
    if not options.output.parent.is_dir():
        parser.error(f"--output must be in a folder that exists, got {options.output}")
    torch.manual_seed(0)
    true = shaken(options.filter)
    image = photograph(options.image)
    with torch.no_grad():
        blurred = fftconv.conv2d(image[None, None], true[None, None])[0, 0]
    sharp, goal = edges(image), edges(blurred)
    scale = sharp.std()  # the same for both, or the filter would be learnt with another sum
    sharp, goal = sharp / scale, goal / scale
    _, native_s = learn(sharp, goal, options.filter, "native", options.native_steps)
    learned, auto_s = learn(sharp, goal, options.filter, "auto", options.steps)
    error = float((learned - true).norm() / true.norm())
    print(f"a step takes {1e3 * native_s:.1f} ms with native, {1e3 * auto_s:.1f} ms with auto")
    print(f"that is {native_s / auto_s:.0f} times as fast")
    print(f"after {options.steps} steps the learned filter is off by {100 * error:.1f}%")
    save_picture(true, learned, options.output)
    print(f"picture: {options.output.name}")
    return error


if __name__ == "__main__":
    main()
