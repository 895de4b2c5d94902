"""
Convert a network
=================

A VGG-16 of a few lines, to survey and to convert.

``python examples/vgg16.py`` converts it and prints the time of a forward pass before and after;
``python -m fftconv survey examples.vgg16:vgg16 --input 1x3x224x224`` shows its layers.
"""

import argparse
import time
from collections.abc import Sequence
from statistics import median

import torch
from torch import Tensor, nn

import fftconv

LAYERS = (64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512, "M")


def vgg16(classes: int = 1000, width: int = 64) -> nn.Sequential:
    """Return the network of Simonyan and Zisserman (2014), configuration D, untrained."""
    features: list[nn.Module] = []
    channels = 3
    for layer in LAYERS:
        if isinstance(layer, str):
            features.append(nn.MaxPool2d(2))
            continue
        features += [nn.Conv2d(channels, layer * width // 64, 3, padding=1), nn.ReLU(inplace=True)]
        channels = layer * width // 64
    head = (nn.Linear(49 * channels, 64 * width), nn.ReLU(inplace=True), nn.Dropout())
    tail = (nn.Linear(64 * width, 64 * width), nn.ReLU(inplace=True), nn.Dropout())
    last = nn.Linear(64 * width, classes)
    return nn.Sequential(*features, nn.AdaptiveAvgPool2d(7), nn.Flatten(), *head, *tail, last)


def seconds(model: nn.Module, x: Tensor, calls: int = 5) -> float:
    """Return the median seconds of a few forward passes, after one to warm up."""
    times = []
    with torch.no_grad():
        model(x)
        for _ in range(calls):
            start = time.perf_counter()
            model(x)
            times.append(time.perf_counter() - start)
    return median(times)


def main(arguments: Sequence[str] | None = None) -> None:
    """Time the network, convert it, and time it again."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--size", type=int, default=224, help="pixels on a side (default: 224)")
    parser.add_argument("--width", type=int, default=64, help="channels at the start (default: 64)")
    options = parser.parse_args(arguments)
    if options.size < 32 or options.width < 1:
        parser.error(
            f"--size must be at least 32 and --width at least 1, got {options.size} "
            f"and {options.width}"
        )
    model = vgg16(width=options.width).eval()
    x = torch.randn(1, 3, options.size, options.size)
    before = seconds(model, x)
    fftconv.convert(model)
    after = seconds(model, x)
    print(f"torch.nn.Conv2d: {before * 1e3:.3g} ms, after fftconv.convert: {after * 1e3:.3g} ms")


if __name__ == "__main__":
    main()
