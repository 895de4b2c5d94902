"""What is added to each output channel, as the pass back reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from fftconv.methods.overlap_save.many_channels.passes import filter_lanes

if TYPE_CHECKING:
    from torch import Tensor

    from fftconv.methods.overlap_save.many_channels.correlation import Correlation


class Biases:
    """A number for each lane: zeros behind those of a group, and where there is no bias."""

    def __init__(self, case: Correlation, dtype: torch.dtype) -> None:
        self._outs = case.outs
        lanes = filter_lanes(case.outs, dtype.itemsize)
        self._none = torch.zeros(case.groups, lanes, dtype=dtype, device="cpu")
        self._none_at = self._none.data_ptr()

    def of(self, bias: Tensor | None) -> tuple[Tensor, int]:
        """Return a tensor that holds them, and where they are."""
        if bias is None:
            return self._none, self._none_at
        if bias.numel() == self._none.numel() and bias.is_contiguous() and not bias.is_neg():
            return bias, bias.data_ptr()
        biases = torch.zeros_like(self._none)
        biases[:, : self._outs] = bias.reshape(len(biases), self._outs)
        return biases, biases.data_ptr()
