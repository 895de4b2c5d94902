"""
The same numbers as torch
=========================

Every method computes what ``torch.nn.functional.conv2d`` computes, gradients included. How far
each is from the exact result is a matter of rounding, and here it is measured.
"""

import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F

import fftconv

torch.manual_seed(0)
image = torch.randn(1, 4, 128, 128)
weight = torch.randn(8, 4, 11, 11)
bias = torch.randn(8)

# %%
# The exact result is torch's in float64. Errors are relative to the largest value, as the report's
# are.

exact = F.conv2d(image.double(), weight.double(), bias.double(), padding=5)


def error(result: torch.Tensor, truth: torch.Tensor) -> float:
    """Return the largest error, relative to the largest value."""
    return float((result.double() - truth).abs().max() / truth.abs().max())


forward = {}
for method in fftconv.methods():
    result = fftconv.conv2d(image, weight, bias, padding=5, method=method)
    forward[method] = error(result, exact)
    print(f"{method:12s} {forward[method]:.1e}")

# %%
# The same of the gradient with respect to the weight.


def gradient(dtype: torch.dtype, method: str) -> torch.Tensor:
    """Return the gradient of the sum of squares."""
    learned = weight.to(dtype).requires_grad_()
    y = fftconv.conv2d(image.to(dtype), learned, bias.to(dtype), padding=5, method=method)
    return torch.autograd.grad(y.square().sum(), learned)[0]


truth = gradient(torch.float64, "native")
backward = {}
for method in fftconv.methods():
    backward[method] = error(gradient(torch.float32, method), truth)
    print(f"{method:12s} {backward[method]:.1e}")

# %%
# The line is one unit in the last place of float32.

figure, axes = plt.subplots(figsize=(6, 3), layout="constrained")
axes.semilogy(list(forward), list(forward.values()), "o", label="output")
axes.semilogy(list(backward), list(backward.values()), "x", label="gradient of the weight")
axes.axhline(torch.finfo(torch.float32).eps, color="black", linewidth=0.8)
axes.set_ylabel("largest relative error")
axes.legend()

# %%
# What a method cannot do it says in a sentence; ``auto`` takes one that can.

try:
    fftconv.conv2d(image.to(torch.complex64), weight.to(torch.complex64), method="compiled")
except NotImplementedError as refusal:
    print(refusal)

# %%
# A layer of torch and ours load each other's weights.

layer = fftconv.Conv2d(4, 8, kernel_size=11, padding="same", method="overlap_save")
layer.load_state_dict({"weight": weight, "bias": bias})
print(layer)
print(f"{error(layer(image).detach(), exact):.1e}")
