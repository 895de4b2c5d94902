"""`convert` and `revert`: a network's layers by other methods, and as they were."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, TypeVar

import torch

from fftconv.methods.registry import check_name
from fftconv.models import classes
from fftconv.models.survey import Survey
from fftconv.modules import Conv2d

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Model = TypeVar("Model", bound=torch.nn.Module)

_log = logging.getLogger(__name__)


def convert(
    model: Model,
    method: str | Survey = "auto",
    filter_fn: Callable[[torch.nn.Module, str], bool] | None = None,
) -> Model:
    """Make each `torch.nn.Conv2d` of a network a `fftconv.Conv2d`.

    The layers stay the objects that they are, with their parameters (an optimizer goes on with
    them), names, buffers, hooks, parametrizations, mode and device; what is shared stays shared.
    Converting once more changes the method of what was converted. A subclass that has a ``forward``
    of its own is left alone, and named in a warning of the logger ``fftconv.models``; so is a
    lazy layer that was never called.

    Parameters
    ----------
    model
        Any module, a layer by itself or a compiled model among them. It is changed.
    method
        One of `fftconv.methods()`, or a `Survey` of this model: then each layer takes what was
        best for it, and a layer that the survey did not see stays as it is.
    filter_fn
        Given a layer and its name, whether to convert it.

    Returns
    -------
    Module
        The model.

    Raises
    ------
    ValueError, TypeError
        If there is no such method, the survey knows none of the model's layers, or it is no module.

    Examples
    --------
    >>> convert(torch.nn.Sequential(torch.nn.Conv2d(3, 8, 5)), method="native")
    Sequential(
      (0): Conv2d(3, 8, kernel_size=(5, 5), stride=(1, 1), method=native)
    )
    """
    if not isinstance(method, Survey):
        check_name(method)
    wanted = filter_fn or (lambda _layer, _name: True)
    found = [(name, layer) for name, layer in layers(model) if wanted(layer, name)]
    best = method.best if isinstance(method, Survey) else None
    for name in dict.fromkeys((best or {}).values()):
        check_name(name)
    if best is not None and found and not any(name in best for name, _ in found):
        raise ValueError(f"the survey knows none of the layers: it has {', '.join(best)}")
    for name, layer in found:
        if best is None:
            _convert(layer, name, str(method))
        elif name in best:
            _convert(layer, name, best[name])
    return model


def revert(model: Model) -> Model:
    """Undo `convert`: each layer is of the class that it was of.

    Parameters
    ----------
    model
        What `convert` was given, or a copy of it. It is changed.

    Returns
    -------
    Module
        The model.

    Raises
    ------
    TypeError
        If it is no module.

    Examples
    --------
    >>> layer = convert(torch.nn.Conv2d(3, 8, 5), method="fft")
    >>> revert(layer)
    Conv2d(3, 8, kernel_size=(5, 5), stride=(1, 1))
    """
    for _, layer in layers(model):
        origin = vars(layer).get(classes.ORIGIN)
        if origin is not None:
            classes.set_class(layer, origin)
            delattr(layer, classes.ORIGIN)
            del layer.method
    return model


def layers(model: torch.nn.Module) -> Iterator[tuple[str, torch.nn.Conv2d]]:
    """Yield each Conv2d of a network once, by the name that it has without torch.compile."""
    if not isinstance(model, torch.nn.Module):
        raise TypeError(f"model must be a torch.nn.Module, got {type(model).__name__}")
    for name, module in model.named_modules():
        if isinstance(module, torch.nn.Conv2d):
            yield ".".join(part for part in name.split(".") if part != "_orig_mod"), module


def _convert(layer: torch.nn.Conv2d, name: str, method: str) -> None:
    if isinstance(layer, Conv2d):
        if classes.ORIGIN in vars(layer):
            layer.method = method
        return
    reason = classes.own_call(layer)
    if reason is not None:
        what = type(layer).__name__
        _log.warning("%s is left alone: %s %s", name or "the model", what, reason)
        return
    origin = classes.of(layer)
    classes.set_class(layer, classes.converted(origin))
    setattr(layer, classes.ORIGIN, origin)
    layer.method = method  # type: ignore[assignment]
