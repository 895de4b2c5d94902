"""The three bilinear maps of a case, ready for many calls: what a method prepares."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from torch import Tensor

    Tensors: TypeAlias = tuple[Tensor, ...]
    Kept: TypeAlias = tuple[Tensor, Tensors]
    Gradients: TypeAlias = tuple[Tensor | None, Tensor | None]

Map: TypeAlias = Literal["forward", "grad_input", "grad_weight"]
MAPS: tuple[Map, Map, Map] = ("forward", "grad_input", "grad_weight")
GRADIENTS: tuple[Map, Map] = ("grad_input", "grad_weight")

Slot: TypeAlias = Literal["x", "w", "y"]
"""An argument of the trilinear form T(x, w, y): input, weight, or what is shaped as the output."""

OPERANDS: dict[Slot, tuple[Slot, Slot]] = {"x": ("w", "y"), "w": ("x", "y"), "y": ("x", "w")}
"""What each slot is filled from: grad_input, grad_weight and forward, in this order of operands."""


class Maps(ABC):
    """The maps of one geometry in one dtype on one device.

    With x the input (N, C_in, H, W), w the weight (C_out, C_in / groups, kH, kW) and g a tensor
    shaped as the output (N, C_out, H_out, W_out), the maps are the three ways to fill in one
    argument of the trilinear form

        T(x, w, g) = sum(forward(x, w) * g) = sum(x * grad_input(g, w)) = sum(w * grad_weight(x, g))

    No map conjugates anything: that is the business of automatic differentiation, as is every
    gradient of a gradient (see `fftconv._autograd`).

    A map receives tensors of the geometry's shapes, any strides, never empty. They may have a
    history, but nothing records what a map does with them, unless `torch_records` says that it may.
    It returns a new dense tensor that shares no memory with its arguments. It may run in several
    Python threads at once. What only some calls need is made ready at the first of them.
    """

    torch_records: bool = False
    """Whether torch itself differentiates `forward`, any number of times: nothing to wire then."""

    torch_transposes: bool = False
    """Whether `grad_input` is torch's own, which has the transposed convolution ready made."""

    keeps: bool = False
    """Whether `forward_kept` keeps anything."""

    @abstractmethod
    def forward(self, x: Tensor, w: Tensor, bias: Tensor | None = None) -> Tensor:
        """Cross-correlate `x` with `w`, and add one number per output channel."""

    @abstractmethod
    def grad_input(self, g: Tensor, w: Tensor) -> Tensor:
        """Return the gradient of ``sum(forward(x, w) * g)`` with respect to x."""

    @abstractmethod
    def grad_weight(self, x: Tensor, g: Tensor) -> Tensor:
        """Return the gradient of ``sum(forward(x, w) * g)`` with respect to w."""

    def forward_kept(self, x: Tensor, w: Tensor, bias: Tensor | None) -> Kept:
        """Correlate with a weight that is being learned, and will be another the next time.

        Returns what `forward` returns, and what `grads` can use again for the same operands.
        """
        return self.forward(x, w, bias), ()

    def grads(
        self,
        g: Tensor,
        x: Tensor,
        w: Tensor,
        need_input: bool = True,
        need_weight: bool = True,
        kept: Tensors = (),
    ) -> Gradients:
        """Return the gradients that are asked for.

        A method that shares work between the two, or with the forward pass, overrides this.
        """
        del kept
        return (
            self.grad_input(g, w) if need_input else None,
            self.grad_weight(x, g) if need_weight else None,
        )

    def fill(self, out: Slot, a: Tensor, b: Tensor) -> Tensor:
        """Fill a slot of the trilinear form from its two operands."""
        if out == "y":
            return self.forward(a, b)
        return self.grad_input(b, a) if out == "x" else self.grad_weight(a, b)


def add_bias(y: Tensor, bias: Tensor | None) -> Tensor:
    """Add one number per output channel to `y`, in place."""
    return y if bias is None else y.add_(bias.view(-1, 1, 1))


def readable(plane: Tensor) -> Tensor:
    """Return a tensor whose rows are dense; every other stride is taken as it is."""
    plane = plane.resolve_neg()
    return plane if plane.stride(3) == 1 else plane.contiguous()
