"""Networks such as other people have, for the tests of this folder."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from fftconv.models import timing


class Standardized(nn.Conv2d):
    """A layer that computes something else than torch's."""

    def forward(self, input: Tensor) -> Tensor:
        weight = self.weight - self.weight.mean((1, 2, 3), keepdim=True)
        return self._conv_forward(input, weight, self.bias)


class Same(nn.Conv2d):
    """A layer that computes what torch's does, with a constructor and a method of its own."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, channels, 3, padding="same")

    def area(self) -> int:
        return self.kernel_size[0] * self.kernel_size[1]


class Network(nn.Module):
    """Hooks, a shared layer, weight_norm, subclasses, batch norm, dropout."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, 5, stride=2, padding=2, padding_mode="reflect")
        self.norm = nn.BatchNorm2d(4)
        self.shared = nn.Conv2d(4, 4, 3, padding=1, bias=False)
        self.again = self.shared
        self.normed = weight_norm(nn.Conv2d(4, 6, 3, groups=2))
        self.special = Standardized(6, 6, 3)
        self.same = Same(6)
        self.dropout = nn.Dropout(0.5)
        self.head = nn.Sequential(nn.Conv2d(6, 2, 1), nn.Flatten())
        self.first.register_buffer("mean", torch.ones(3))

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.first(x - self.first.mean.view(-1, 1, 1)))
        x = self.again(torch.relu(self.shared(x)))
        return self.head(self.dropout(self.same(self.special(self.normed(x)))))


@pytest.fixture
def network() -> Network:
    return Network()


@pytest.fixture
def x() -> Tensor:
    return torch.randn(2, 3, 16, 16)


@pytest.fixture
def quick(monkeypatch) -> None:
    """Have a survey call each layer a few times alone."""
    monkeypatch.setattr(timing, "SIDE_S", 0.001)
    monkeypatch.setattr(timing, "LEAST", 1)
    monkeypatch.setattr("fftconv.models.surveying._MODEL_S", 0.0)
    monkeypatch.setattr("fftconv.models.surveying._MODEL_LEAST", 1)
