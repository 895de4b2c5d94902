"""
Overlap-save, in a few lines
============================

A Fourier transform turns a correlation into a product, but one that wraps around. If an image is
cut into tiles that overlap by the filter's size, what has wrapped around is thrown away, and what
is left is exact. This is what ``method="overlap_save"`` does, without anything that makes it fast.
"""

import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from matplotlib.patches import Rectangle
from torch import Tensor

import fftconv

TILE = 32  # side of a transform
TAPS = 9  # side of the filter
STEP = TILE - TAPS + 1  # outputs that a tile is good for

torch.manual_seed(0)
image = torch.randn(TAPS - 1 + 4 * STEP, TAPS - 1 + 4 * STEP)
weight = torch.randn(TAPS, TAPS)

# %%
# One tile: transform, multiply, transform back. The conjugate makes it a correlation, where the
# product alone would be a convolution. Of ``TILE`` outputs, the last ``TAPS - 1`` wrapped around.


def correlate_tile(tile: Tensor, spectrum: Tensor) -> Tensor:
    """Return the outputs of a tile that did not wrap around, (STEP, STEP)."""
    y = torch.fft.irfft2(torch.fft.rfft2(tile) * spectrum.conj(), s=tile.shape)
    return y[:STEP, :STEP]


# %%
# All tiles, side by side: each begins ``STEP`` after its neighbour and reaches ``TAPS - 1`` into
# the next.


def correlate(image: Tensor, weight: Tensor) -> Tensor:
    """Correlate an image whose output is a whole number of tiles."""
    spectrum = torch.fft.rfft2(weight, s=(TILE, TILE))  # padded with zeros; once for all tiles
    rows = range(0, image.shape[0] - TAPS + 1, STEP)
    columns = range(0, image.shape[1] - TAPS + 1, STEP)
    return torch.cat(
        [
            torch.cat(
                [correlate_tile(image[r : r + TILE, c : c + TILE], spectrum) for c in columns], 1
            )
            for r in rows
        ]
    )


y = correlate(image, weight)
exact = F.conv2d(image[None, None].double(), weight[None, None].double())[0, 0]
print(f"largest error: {float((y - exact).abs().max()):.1e}")

ours = fftconv.conv2d(image[None, None], weight[None, None], method="overlap_save")[0, 0]
print(f"of overlap_save: {float((ours - exact).abs().max()):.1e}")

# %%
# The tiles on the image: one transform reads the large square, and is good for the one within.

figure, axes = plt.subplots(figsize=(4.4, 4.4), layout="constrained")
axes.imshow(image, cmap="gray", alpha=0.35)
for place in range(4):
    axes.axhline(place * STEP - 0.5, color="black", linewidth=0.8)
    axes.axvline(place * STEP - 0.5, color="black", linewidth=0.8)
read = Rectangle((STEP - 0.5, STEP - 0.5), TILE, TILE, alpha=0.45, color="tab:orange")
good = Rectangle((STEP - 0.5, STEP - 0.5), STEP, STEP, alpha=0.65, color="tab:blue")
axes.add_patch(read)
axes.add_patch(good)
axes.legend((read, good), (f"read: {TILE}x{TILE}", f"kept: {STEP}x{STEP}"), loc="lower right")
axes.set_axis_off()

# %%
# Larger tiles waste less on their overlap and cost more each; which size is best depends on how
# fast the machine transforms each length. A plan says what was chosen.

print(fftconv.plan((1, 1, 512, 512), (1, 1, TAPS, TAPS)))
