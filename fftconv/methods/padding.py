"""An input with its zeros around it, and a gradient of one without them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch.nn.functional as F

if TYPE_CHECKING:
    from torch import Tensor

    from fftconv.geometry import Geometry


def padded(x: Tensor, geometry: Geometry) -> Tensor:
    """Return the input with its padding; itself if there is none."""
    top, bottom, left, right = geometry.padding
    return F.pad(x, (left, right, top, bottom)) if any(geometry.padding) else x


def unpadded(x: Tensor, geometry: Geometry) -> Tensor:
    """Return what is shaped as the padded input without its padding, dense."""
    top, _, left, _ = geometry.padding
    height, width = geometry.input_size
    return x[:, :, top : top + height, left : left + width].contiguous()
