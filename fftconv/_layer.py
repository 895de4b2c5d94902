"""What our layers add to torch's: a choice of method, and to be one node of an fx graph."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.fx import Proxy

from fftconv.methods.registry import check_name


class WithMethod:
    """Comes before a layer of torch among the bases of ours."""

    def __init__(self, *args: Any, method: str = "auto", **kwargs: Any) -> None:
        check_name(method)
        super().__init__(*args, **kwargs)
        self.method = method

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the layer; for torch.fx it is one node with its hooks, which that node will run."""
        if args and is_leaf(self, args[0]):
            return as_leaf(self, *args, **kwargs)
        return torch.nn.Module.__call__(self, *args, **kwargs)

    def extra_repr(self) -> str:
        """Add the method to what torch's layer prints."""
        own: str = super().extra_repr()  # type: ignore[misc]
        return f"{own}, method={self.method}"


def is_leaf(layer: object, value: object) -> bool:
    """Whether torch.fx is recording a network of which `layer` is a part: then it is one node."""
    if type(value) is Tensor or not isinstance(value, Proxy):
        return False
    tracer: Any = value.tracer
    return tracer.root is not layer


def as_leaf(layer: object, value: Any, *more: object, **named: object) -> Tensor:
    """Return the node of an fx graph that stands for a call of the layer, as of torch's."""
    tracer = value.tracer
    path = tracer.path_of_module(layer)
    node: Tensor = tracer.create_proxy("call_module", path, (value, *more), named)
    return node
