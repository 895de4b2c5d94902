"""What our layers add to torch's: a choice of method, and to be one node of an fx graph."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.fx import Proxy

from fftconv._torch_state import reversed_padding
from fftconv.methods.registry import check_name

if TYPE_CHECKING:
    from collections.abc import Callable


class WithMethod:
    """Comes before a layer of torch among the bases of ours."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Give a class the signature that its `__init__` has: `skip_init` looks at it."""
        super().__init_subclass__(**kwargs)
        own = inspect.signature(cls.__init__)
        if cls.__init__ is not WithMethod.__init__:
            parameters = list(own.parameters.values())[1:]
        elif cls.__module__.startswith("fftconv.") and hasattr(torch.nn, cls.__name__):
            torchs = inspect.signature(getattr(torch.nn, cls.__name__)).parameters
            parameters = [*torchs.values(), own.parameters["method"]]
        else:
            return  # as its parent's
        cls.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]

    def __init__(self, *args: Any, method: str = "auto", **kwargs: Any) -> None:
        check_name(method)
        super().__init__(*args, **kwargs)
        self.method = method

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the layer; for torch.fx it is one node with its hooks, which that node will run."""
        if args and type(args[0]) is not Tensor and is_leaf(self, args[0]):
            return as_leaf(self, *args, **kwargs)
        return torch.nn.Module.__call__(self, *args, **kwargs)

    def extra_repr(self) -> str:
        """Add the method to what torch's layer prints."""
        own: str = super().extra_repr()  # type: ignore[misc]
        return f"{own}, method={self.method}"


class Correlating(WithMethod):
    """Comes before torch's layers of one forward convolution, in whatever number of dimensions."""

    function: Callable[..., Tensor]
    """Our function of the same name."""

    def forward(self, input: Tensor) -> Tensor:
        """Convolve; in a graph of torch.fx the layer is one node, as torch's is."""
        if type(input) is not Tensor and is_leaf(self, input):
            return as_leaf(self, input)
        layer: Any = self
        return self._conv_forward(input, layer.weight, layer.bias)

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Convolve; torch's layer calls this with its own weight and bias."""
        if self.method == "native":  # without a look at what torch looks at by itself
            y: Tensor = super()._conv_forward(input, weight, bias)  # type: ignore[misc]
            return y
        layer: Any = self
        padding = layer.padding
        if layer.padding_mode != "zeros":
            input = F.pad(input, reversed_padding(layer), mode=layer.padding_mode)  # noqa: A001
            padding = 0
        numbers = layer.stride, padding, layer.dilation, layer.groups
        return self.function(input, weight, bias, *numbers, method=self.method)


def is_leaf(layer: object, value: object) -> bool:
    """Whether torch.fx is recording a network of which `layer` is a part: then it is one node."""
    if not isinstance(value, Proxy):
        return False
    tracer: Any = value.tracer
    return tracer.root is not layer


def as_leaf(layer: object, value: Any, *more: object, **named: object) -> Tensor:
    """Return the node of an fx graph that stands for a call of the layer, as of torch's."""
    tracer = value.tracer
    path = tracer.path_of_module(layer)
    node: Tensor = tracer.create_proxy("call_module", path, (value, *more), named)
    return node
