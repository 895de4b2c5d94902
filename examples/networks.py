"""
Survey three networks
=====================

A VGG-16, a ResNet-50 and a U-Net, untrained: which method would serve their layers best, here?

``python examples/networks.py`` surveys all three at 224x224, batch 1, and times each before and
after its conversion to the best of each row;
``python -m fftconv survey examples.networks:resnet50 --input 1x3x224x224`` shows one alone.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

import fftconv

sys.path.insert(0, str(Path(__file__).parent if "__file__" in globals() else Path.cwd()))
from vgg16 import seconds, vgg16


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 around a shortcut, each with its normalisation."""

    def __init__(self, channels: int, inner: int, out: int, stride: int) -> None:
        super().__init__()
        self.inner = nn.Sequential(
            nn.Conv2d(channels, inner, 1, bias=False), nn.BatchNorm2d(inner), nn.ReLU(),
            nn.Conv2d(inner, inner, 3, stride, 1, bias=False), nn.BatchNorm2d(inner), nn.ReLU(),
            nn.Conv2d(inner, out, 1, bias=False), nn.BatchNorm2d(out),
        )  # fmt: skip
        self.shortcut: nn.Module = nn.Identity()
        if channels != out or stride > 1:
            project = nn.Conv2d(channels, out, 1, stride, bias=False)
            self.shortcut = nn.Sequential(project, nn.BatchNorm2d(out))

    def forward(self, x: Tensor) -> Tensor:
        """Add what the layers find to their input."""
        return torch.relu(self.inner(x) + self.shortcut(x))


def resnet50(width: int = 64) -> nn.Sequential:
    """Return the network of He, Zhang, Ren and Sun (2016), of 50 layers."""
    layers: list[nn.Module] = [nn.Conv2d(3, width, 7, 2, 3, bias=False), nn.BatchNorm2d(width)]
    layers += [nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    channels = width
    for stage, blocks in enumerate((3, 4, 6, 3)):
        inner = width << stage
        for block in range(blocks):
            stride = 2 if stage and not block else 1
            layers.append(Bottleneck(channels, inner, 4 * inner, stride))
            channels = 4 * inner
    head = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 1000))
    return nn.Sequential(*layers, *head)


class UNet(nn.Module):
    """The network of Ronneberger, Fischer and Brox (2015), with padding.

    Two 3x3 layers at each of five resolutions, down and up again.
    """

    def __init__(self, width: int = 64, depth: int = 4) -> None:
        super().__init__()
        sizes = [width << level for level in range(depth + 1)]
        ins = [3, *sizes]
        self.down = nn.ModuleList(map(self._pair, ins, sizes))
        self.up = nn.ModuleList(nn.ConvTranspose2d(2 * n, n, 2, 2) for n in sizes[-2::-1])
        self.back = nn.ModuleList(self._pair(2 * n, n) for n in sizes[-2::-1])
        self.last = nn.Conv2d(width, 2, 1)

    @staticmethod
    def _pair(ins: int, outs: int) -> nn.Sequential:
        return nn.Sequential(
            nn.Conv2d(ins, outs, 3, padding=1), nn.ReLU(),
            nn.Conv2d(outs, outs, 3, padding=1), nn.ReLU(),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        """Go down, keeping each resolution, and up again beside what was kept."""
        kept = []
        for pair in self.down:
            x = pair(x if not kept else nn.functional.max_pool2d(x, 2))
            kept.append(x)
        kept.pop()
        for widen, pair in zip(self.up, self.back, strict=True):
            x = pair(torch.cat([kept.pop(), widen(x)], 1))
        return torch.as_tensor(self.last(x))


def main(arguments: Sequence[str] | None = None) -> None:
    """Survey the networks, and time each before and after it is converted."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--size", type=int, default=224, help="pixels on a side (default: 224)")
    parser.add_argument("--width", type=int, default=64, help="channels at the start (default: 64)")
    options = parser.parse_args(arguments)
    if options.size < 32 or options.size % 16 or options.width < 1:
        parser.error(
            "--size must be a multiple of 16 from 32 on and --width at least 1, got "
            f"{options.size} and {options.width}"
        )
    for name, make in (("VGG-16", vgg16), ("ResNet-50", resnet50), ("U-Net", UNet)):
        model = make(width=options.width).eval()
        x = torch.randn(1, 3, options.size, options.size)
        found = fftconv.survey(model, x, directions=("forward",))
        print(f"{name}\n{found}")
        before = seconds(model, x)
        fftconv.convert(model, method=found)
        after = seconds(model, x)
        print(f"torch.nn.Conv2d: {before * 1e3:.3g} ms, converted: {after * 1e3:.3g} ms\n")


if __name__ == "__main__":
    main()
