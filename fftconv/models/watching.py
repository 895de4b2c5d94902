"""Run somebody's model, see what its layers are called with, and leave it as it was."""

from __future__ import annotations

import random
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.parameter import is_lazy

from fftconv.models.classes import own_call
from fftconv.models.converting import layers
from fftconv.modules import Conv2d

if TYPE_CHECKING:
    from collections.abc import Iterator


class SurveyError(ValueError):
    """A model that cannot be surveyed; the message says why in a line."""


@dataclass(frozen=True)
class Call:
    """What a layer was called with, without the numbers of the input."""

    name: str
    layer: torch.nn.Conv2d
    shape: tuple[int, ...]
    dtype: torch.dtype
    device: torch.device
    channels_last: bool
    needs_grad: bool
    weight: Tensor
    bias: Tensor | None

    @property
    def key(self) -> tuple[object, ...]:
        """All that its time depends on: equal for layers that need to be measured once."""
        layer, w, b = self.layer, self.weight, self.bias
        return (
            self.shape, self.dtype, self.device, self.channels_last, self.needs_grad,
            w.shape, w.stride(), w.requires_grad, None if b is None else b.requires_grad,
            layer.stride, layer.padding, layer.dilation, layer.groups, layer.padding_mode,
        )  # fmt: skip


def now(layer: torch.nn.Conv2d) -> str:
    """Return the method that a layer has."""
    return layer.method if isinstance(layer, Conv2d) else "native"


def watch(model: torch.nn.Module, inputs: tuple[object, ...]) -> list[Call]:
    """Run the model once and return the calls of its layers, in their order.

    Layers that compute something else than torch's are not watched: `convert` leaves them alone.

    Raises
    ------
    SurveyError
        If the model refuses the inputs, or calls no layer.
    """
    calls: list[Call] = []

    def seen(name: str, layer: torch.nn.Conv2d, given: tuple[Any, ...], named: Any) -> None:
        x = given[0] if given else named["input"]
        bias = layer.bias
        calls.append(
            Call(
                name, layer, tuple(x.shape), x.dtype, x.device, _is_channels_last(x),
                x.requires_grad, _without_history(layer.weight),
                None if bias is None else _without_history(bias),
            )
        )  # fmt: skip

    with ExitStack() as hooks:
        for name, layer in layers(model):
            if not isinstance(layer, Conv2d) and own_call(layer) is not None:
                continue
            hook = layer.register_forward_pre_hook(
                lambda layer, given, named, name=name: seen(name, layer, given, named),
                with_kwargs=True,
            )
            hooks.callback(hook.remove)
        run(model, inputs)
    if not calls:
        raise SurveyError("the model calls no Conv2d with these inputs")
    return calls


def run(model: torch.nn.Module, inputs: tuple[object, ...]) -> Any:
    """Call the model.

    Raises
    ------
    SurveyError
        If it fails, from its own error.
    """
    try:
        return model(*inputs)
    except Exception as error:
        lines = str(error).strip().splitlines()
        said = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
        raise SurveyError(f"the model refuses its inputs: {said}") from error


@contextmanager
def unchanged(model: torch.nn.Module) -> Iterator[None]:
    """Put everything back that a run changes in a model: attributes, buffers, random numbers.

    Meanwhile its parameters are others on the same memory, and its buffers are copies: hooks and
    gradients of the true ones see nothing.
    """
    states = [(module, dict(vars(module))) for module in model.modules()]
    tables = [(table, dict(table)) for _, state in states for table in _tables(state)]
    scripted = [
        (tensor, tensor.detach().clone())
        for module, _ in states
        if isinstance(module, torch.jit.ScriptModule)
        for tensor in module.state_dict(keep_vars=True).values()
    ]
    stands_in: dict[int, Tensor] = {}

    def stand_in(tensor: Tensor | None, make: Any) -> Tensor | None:
        if tensor is None:
            return None
        if is_lazy(tensor):
            raise SurveyError("the model has lazy layers: call it once before")
        if id(tensor) not in stands_in:
            stands_in[id(tensor)] = make(tensor)
        return stands_in[id(tensor)]

    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 - a model may use it
    with torch.random.fork_rng(), torch.inference_mode(False):
        try:
            for module, state in states:
                if isinstance(module, torch.jit.ScriptModule):
                    continue  # its tensors are beyond Python's reach
                for kind, make in (("_parameters", _parameter), ("_buffers", _buffer)):
                    tensors = state[kind].items()
                    vars(module)[kind] = {n: stand_in(tensor, make) for n, tensor in tensors}
            yield
        finally:
            for module, state in states:
                vars(module).clear()
                vars(module).update(state)
            for table, before in tables:
                table.clear()
                table.update(before)
            with torch.no_grad():
                for tensor, values in scripted:
                    tensor.copy_(values)
            random.setstate(python)
            np.random.set_state(numpy)  # noqa: NPY002


def _tables(state: dict[str, Any]) -> list[dict[Any, Any]]:
    """Return what torch itself keeps of a module in dictionaries: its children and its hooks."""
    named = (value for name, value in state.items() if name.startswith("_"))
    return [value for value in named if isinstance(value, dict)]


def _parameter(parameter: Tensor) -> Tensor:
    own = parameter.clone() if parameter.is_inference() else parameter
    return torch.nn.Parameter(own.detach(), parameter.requires_grad)


def _buffer(buffer: Tensor) -> Tensor:
    return buffer.detach().clone()


def _without_history(tensor: Tensor) -> Tensor:
    return tensor.detach().requires_grad_(tensor.requires_grad)


def _is_channels_last(x: Tensor) -> bool:
    return not x.is_contiguous() and x.is_contiguous(memory_format=torch.channels_last)
