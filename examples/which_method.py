"""
Which method, for which filter?
===============================

``method="auto"`` takes the method that a cost model predicts to be fastest. Here are its
predictions for one image and filters of all sizes: where the lines cross, the choice changes.
"""

import matplotlib.pyplot as plt

import fftconv

# %%
# A plan says what is chosen, and why, without computing anything. It follows the number of threads
# and the constants of the machine (``python -m fftconv calibrate`` measures them).

print(fftconv.plan((1, 1, 512, 512), (1, 1, 15, 15)))

# %%
# The same for many filters. Lines differ in their marks, too, so that they can be told apart
# without colour.

FILTERS = (3, 5, 7, 9, 11, 15, 21, 31, 45, 63)
MARKS = {"native": "s--", "matmul": "d:", "compiled": "^-.", "overlap_save": "o-"}


def predicted(channels: int) -> dict[str, list[float]]:
    """Return the seconds of each method at each filter size, for images of some channels."""
    seconds: dict[str, list[float]] = {}
    for size in FILTERS:
        plan = fftconv.plan((1, channels, 512, 512), (channels, channels, size, size))
        for method, predicted_s in plan.seconds["forward"].items():
            seconds.setdefault(method, []).append(predicted_s)
    return seconds


figure, axes = plt.subplots(1, 2, figsize=(8, 3.6), layout="constrained")
for channels, part in zip((1, 32), axes, strict=True):
    for method, seconds in predicted(channels).items():
        part.loglog(FILTERS, seconds, MARKS[method], label=method)
    part.set_title(f"512x512, channels in and out: {channels}")
    part.set_xlabel("side of the filter")
    part.set_ylabel("predicted seconds")
    part.set_xticks((3, 7, 15, 31, 63), ("3", "7", "15", "31", "63"), minor=False)
    part.minorticks_off()
axes[0].legend()

# %%
# With gradients each map has a method of its own, unless methods share work between the maps.

print(fftconv.plan((8, 16, 64, 64), (16, 16, 21, 21), padding="same", needs_grad=True))
