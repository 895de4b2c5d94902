"""The layer that is looked at, with inputs of the wanted shapes, in a dtype."""

import copy
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from convbench.layer.places import Place, definition

_SEED = 1
Shape = tuple[int, ...]


def tensors_of(result: Any) -> tuple[Tensor, ...]:
    """Return the tensors of a result: itself, or those in its tuples, lists and dictionaries."""
    if isinstance(result, Tensor):
        return (result,)
    if isinstance(result, dict):
        result = list(result.values())
    if isinstance(result, (tuple, list)):
        return tuple(tensor for part in result for tensor in tensors_of(part))
    return ()


def differentiable(tensors: Sequence[Tensor]) -> list[Tensor]:
    """Return those through which gradients flow."""
    return [tensor for tensor in tensors if tensor.requires_grad]


@dataclass(frozen=True)
class Operands:
    """What a layer's result depends on, and the layer as a map of that and nothing else."""

    names: tuple[str, ...]
    values: tuple[Tensor, ...]
    """Inputs, then parameters: leaves that ask for gradients where their dtype has any."""
    inputs: int
    """How many of them are inputs."""
    layer: Callable[..., Any]

    def results(self, *values: Tensor) -> tuple[Tensor, ...]:
        """Return the tensors of the layer's result for these in place of `values`."""
        torch.manual_seed(_SEED)  # what is random is the same in each call
        given, parameters = values[: self.inputs], values[self.inputs :]
        if not parameters:
            return tensors_of(self.layer(*given))
        named = dict(zip(self.names[self.inputs :], parameters, strict=True))
        assert isinstance(self.layer, torch.nn.Module)
        return tensors_of(torch.func.functional_call(self.layer, named, given))


@dataclass(frozen=True)
class Subject:
    """A layer and what to call it with."""

    name: str
    layer: Callable[..., Any]
    shapes: tuple[Shape, ...]
    dtype: torch.dtype = torch.float32

    @property
    def module(self) -> torch.nn.Module | None:
        """The layer, if it is a module."""
        return self.layer if isinstance(self.layer, torch.nn.Module) else None

    @property
    def written_shapes(self) -> str:
        """The shapes as they are given on a command line."""
        return ", ".join("x".join(map(str, shape)) for shape in self.shapes)

    @property
    def place(self) -> Place | None:
        """Where the layer computes: a module's `forward`, a Function's, or the function itself."""
        owner = getattr(self.layer, "__self__", None)
        if inspect.isclass(owner) and issubclass(owner, torch.autograd.Function):
            return definition(owner)
        return definition(self._called)

    @property
    def _called(self) -> Callable[..., Any]:
        return self.layer if self.module is None else type(self.module).forward

    def inputs(self, dtype: torch.dtype | None = None, seed: int = _SEED) -> list[Tensor]:
        """Return the inputs: the same numbers in every dtype, up to rounding."""
        generator = torch.Generator().manual_seed(seed)
        drawn = [torch.randn(s, generator=generator, dtype=torch.float64) for s in self.shapes]
        return [tensor.to(dtype or self.dtype) for tensor in drawn]

    def fresh(self, dtype: torch.dtype | None = None) -> Callable[..., Any]:
        """Return a layer of its own in a dtype: a copy of a module, a function as it is.

        What cannot be copied, which a check of its own finds, is taken itself.
        """
        if self.module is None:
            return self.layer
        try:
            module = copy.deepcopy(self.module)
        except Exception:
            module = self.module
        return module.to(dtype or self.dtype)

    def operands(self, dtype: torch.dtype | None = None) -> Operands:
        """Return inputs and parameters in a dtype, those of a copy of the layer."""
        layer = self.fresh(dtype)
        inputs = [tensor.requires_grad_() for tensor in self.inputs(dtype)]
        parameters: dict[str, Tensor] = {}
        if isinstance(layer, torch.nn.Module):
            parameters = {
                name: value.detach().clone().requires_grad_()
                for name, value in layer.named_parameters()
                if value.is_floating_point()
            }
        names = (*self._input_names(), *parameters)
        return Operands(names, (*inputs, *parameters.values()), len(inputs), layer)

    def _input_names(self) -> list[str]:
        """Return the inputs' names in the layer's signature, or their numbers."""
        try:
            names = list(inspect.signature(self._called).parameters)
        except (TypeError, ValueError):
            names = []
        names = names[1:] if self.module is not None else names
        count = len(self.shapes)
        known = len(names) >= count and "args" not in names[:count]
        return names[:count] if known else [f"input {index}" for index in range(count)]
