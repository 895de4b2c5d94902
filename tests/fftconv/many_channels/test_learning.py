"""A weight that is being learned has no spectra that are kept: they are made in scratch memory."""

import pytest
import torch
from torch import Tensor

import fftconv
from fftconv.methods.maps import Maps
from fftconv.methods.overlap_save.many_channels.correlators import Correlator
from fftconv.methods.wrappers import Mixed

CASE = {"padding": 3, "method": "overlap_save"}


class KeepingError(Exception):
    """Spectra were made to be kept."""


@pytest.fixture
def operands(monkeypatch: pytest.MonkeyPatch) -> tuple[Tensor, Tensor]:
    def spectra(self: Correlator, w: Tensor) -> Tensor:
        raise KeepingError

    monkeypatch.setattr(Correlator, "spectra", spectra)
    return torch.randn(2, 16, 24, 24), torch.randn(16, 16, 7, 7)


def test_a_weight_that_requires_gradients(operands: tuple[Tensor, Tensor]) -> None:
    x, w = operands
    y = fftconv.conv2d(x, w.requires_grad_(), **CASE)
    wanted = torch.nn.functional.conv2d(x, w, padding=3)
    torch.testing.assert_close(y, wanted, atol=1e-3, rtol=1e-4)
    g = torch.randn_like(y)
    got = torch.autograd.grad(y, w, g)
    torch.testing.assert_close(got, torch.autograd.grad(wanted, w, g), atol=1e-2, rtol=1e-4)


def test_a_layer_in_training(operands: tuple[Tensor, Tensor]) -> None:
    layer = fftconv.Conv2d(16, 16, 7, **CASE)
    layer(operands[0].requires_grad_()).sum().backward()
    assert layer.weight.grad is not None


def test_in_half_precision(operands: tuple[Tensor, Tensor]) -> None:
    x, w = (operand.bfloat16() for operand in operands)
    fftconv.conv2d(x, w.requires_grad_(), **CASE).sum().backward()
    assert w.grad is not None


@pytest.mark.parametrize("training", [False, True])
def test_others_are_kept(operands: tuple[Tensor, Tensor], training: bool) -> None:
    x, w = operands
    with pytest.raises(KeepingError):
        fftconv.conv2d(x.requires_grad_(training), w, **CASE)


class Told(Maps):
    """Maps that say which of them were asked for."""

    def __init__(self, keeps: bool = False) -> None:
        self.keeps, self.asked = keeps, list[str]()

    def forward(self, x: Tensor, w: Tensor, bias: Tensor | None = None) -> Tensor:
        self.asked.append("forward")
        return x

    def forward_kept(
        self, x: Tensor, w: Tensor, bias: Tensor | None
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        self.asked.append("forward_kept")
        return x, (w,) if self.keeps else ()

    def grad_input(self, g: Tensor, w: Tensor) -> Tensor:
        return g

    def grad_weight(self, x: Tensor, g: Tensor) -> Tensor:
        return x


@pytest.mark.parametrize(
    ("keeps", "same", "asked", "kept"),
    [
        (False, True, "forward_kept", 0), (False, False, "forward_kept", 0),
        (True, True, "forward_kept", 1), (True, False, "forward", 0),
    ],
)  # fmt: skip
def test_what_is_kept_is_kept_for_a_gradient_of_the_same_method(
    keeps: bool, same: bool, asked: str, kept: int
) -> None:
    forward = Told(keeps)
    mixed = Mixed(forward, Told(), forward if same else Told())
    x, w = torch.ones(1), torch.ones(2)
    y, found = mixed.forward_kept(x, w, None)
    assert y is x
    assert len(found) == kept
    assert forward.asked == [asked]
