"""The class that a layer of torch gets when it is converted, and the one that it had.

A layer is converted by giving it another class, as torch does itself when it parametrizes a weight:
the object stays, and with it whatever refers to it or hangs on it.
"""

from __future__ import annotations

import copyreg
from typing import Any

import torch
from torch.nn.utils.parametrize import is_parametrized, type_before_parametrizations

from fftconv.modules import Conv2d

ORIGIN = "_converted_from"
"""The attribute of a converted layer that holds the class which it had."""

# What a subclass may not have changed, if our layer is to do the same as it did.
_CALLED = ("__call__", "forward", "_conv_forward")


def of(layer: torch.nn.Module) -> type[torch.nn.Module]:
    """Return the class of a layer, which a parametrized weight hides behind another one."""
    return type_before_parametrizations(layer)


def set_class(layer: torch.nn.Module, new: type[torch.nn.Module]) -> None:
    """Give a layer another class; the properties of parametrized weights stay.

    torch makes them properties of a class that it derives from the layer's for this one layer.
    """
    if is_parametrized(layer):
        own = type(layer)
        namespace = {
            name: value
            for name, value in vars(own).items()
            if name not in ("__dict__", "__weakref__")
        }
        new = type(f"Parametrized{new.__name__}", (new,), namespace)
    layer.__class__ = new


def own_call(layer: torch.nn.Conv2d) -> str | None:
    """Say in a few words what a layer does otherwise than `torch.nn.Conv2d`, None if nothing."""
    if isinstance(layer, torch.nn.modules.lazy.LazyModuleMixin):
        return "has no weight before its first call"
    cls = of(layer)
    for name in _CALLED:
        if name in vars(layer) or getattr(cls, name) is not getattr(torch.nn.Conv2d, name):
            return f"has a {name} of its own"
    return None


_converted: dict[type[torch.nn.Module], type[Conv2d]] = {torch.nn.Conv2d: Conv2d}


def converted(cls: type[torch.nn.Module]) -> type[Conv2d]:
    """Return our layer that is one of `cls`, too.

    Examples
    --------
    >>> converted(torch.nn.Conv2d)
    <class 'fftconv.modules.Conv2d'>
    """
    if cls in _converted:
        return _converted[cls]
    namespace = {
        "__module__": cls.__module__,
        "__qualname__": cls.__qualname__,
        "__doc__": cls.__doc__,
        "__reduce_ex__": _reduce,
    }
    return _converted.setdefault(cls, type(cls.__name__, (Conv2d, cls), namespace))


def _reduce(layer: Any, protocol: Any) -> Any:
    """Pickle what a class made here would: it has no name of its own to be found by."""
    cls = of(layer)
    how, arguments, *state = super(cls, layer).__reduce_ex__(protocol)
    if how is copyreg.__newobj__ and arguments[0] is cls:  # type: ignore[attr-defined]
        how, arguments = _new, (cls.__bases__[1], *arguments[1:])
    return (how, arguments, *state)


def _new(cls: type[torch.nn.Conv2d], *arguments: Any) -> Any:
    made = converted(cls)
    return made.__new__(made, *arguments)
