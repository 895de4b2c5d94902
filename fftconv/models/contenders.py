"""The same call of a layer by each method, ready to be timed, and who is left out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Any

import torch

from fftconv.auto import plan as planner
from fftconv.geometry import Geometry
from fftconv.methods.registry import AUTO, REGISTRY
from fftconv.models import timing
from fftconv.modules import Conv2d

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from torch import Tensor

    from fftconv.models.survey import Direction
    from fftconv.models.watching import Call

#: A method without a prediction is left out if a sample of its work promises a call longer than
#: this, and longer than so many of the layer's calls as it is.
LIMIT_S, LIMIT_RATIO = 0.1, 4.0
#: The sample: an image with so many output channels for each group, from which the rest follows.
FEW, MORE = 1, 3


@dataclass(frozen=True)
class Contenders:
    """What is to be timed for a call.

    Attributes
    ----------
    layers
        Method to a function of (input, weight, bias).
    operands
        Input, weight and bias.
    left_out
        Method to a sentence.
    gradient
        Of the result.
    """

    layers: dict[str, Callable[..., Tensor]]
    operands: tuple[Tensor, Tensor, Tensor | None]
    left_out: dict[str, str]
    gradient: Tensor

    def calls(self, way: Direction) -> dict[str, Callable[[], object]]:
        """Return what each method does forward or backward, each called once to be warm."""
        calls: dict[str, Callable[[], object]]
        if way == "forward":
            calls = {m: partial(layer, *self.operands) for m, layer in self.layers.items()}
        else:
            calls = {m: self._gradients(layer) for m, layer in self.layers.items()}
        for call in calls.values():
            call()
        return calls

    def _gradients(self, layer: Callable[..., Tensor]) -> Callable[[], object]:
        wanted = [t for t in self.operands if t is not None and t.requires_grad]
        if not wanted:
            return lambda: None
        y = layer(*self.operands)
        return partial(torch.autograd.grad, y, wanted, self.gradient, retain_graph=True)

    def incoming(self, way: Direction) -> Tensor:
        """Return what the layer's neighbour has written just before."""
        return self.operands[0] if way == "forward" else self.gradient


def contenders(call: Call, methods: Iterable[str], baselines: set[str], strict: bool) -> Contenders:
    """Return the methods that are worth timing for a call: the baselines in any case.

    Raises
    ------
    NotImplementedError, RuntimeError
        If a method cannot do it, and `strict` or it is a baseline.
    """
    operands = _operands(call)
    found: dict[str, Callable[..., Tensor]] = {}
    left_out: dict[str, str] = {}
    y = None
    limit_s = inf
    for method in dict.fromkeys((*sorted(baselines), *methods)):
        layer = _layer(call, method)
        sure = strict or method in baselines
        reason = None if sure else _obstacle(call, method) or _too_slow(layer, operands, limit_s)
        if reason is not None:
            left_out[method] = reason
            continue
        y = layer(*operands)
        found[method] = layer
        if method in baselines:
            took = timing.once_s(partial(layer, *operands), call.device)
            limit_s = min(limit_s, max(LIMIT_S, LIMIT_RATIO * took))
    assert y is not None
    return Contenders(found, operands, left_out, torch.ones_like(y))


def _operands(call: Call) -> tuple[Tensor, Tensor, Tensor | None]:
    if call.dtype.is_floating_point or call.dtype.is_complex:
        x = torch.randn(call.shape, dtype=call.dtype, device=call.device)
    else:
        x = torch.randint(0, 8, call.shape, dtype=call.dtype, device=call.device)
    if call.channels_last:
        x = x.contiguous(memory_format=torch.channels_last)
    return x.requires_grad_(call.needs_grad), call.weight, call.bias


def _layer(call: Call, method: str) -> Callable[..., Tensor]:
    """Return the call of a layer like this one: as our own class, which takes any weight."""
    like = call.layer
    arguments: dict[str, Any] = {
        "stride": like.stride,
        "padding": like.padding,
        "dilation": like.dilation,
        "groups": like.groups,
        "padding_mode": like.padding_mode,
        "device": "meta",
    }
    sizes: Any = like.in_channels, like.out_channels, like.kernel_size
    return Conv2d(*sizes, **arguments, method=method)._conv_forward


def _obstacle(call: Call, method: str) -> str | None:
    """Say why a method cannot do a call, or had better not."""
    if method == AUTO:
        return None
    subject = REGISTRY[method]
    geometry, dtype = _geometry(call), _dtype(call)
    reason = subject.unavailable() or subject.unsupported(
        geometry, subject.compute_dtype(dtype, call.device), call.device
    )
    if reason is None and subject.predicts:
        plan = planner.decide(geometry, dtype, call.device, needs_grad=False)
        if plan.seconds.get("forward", {}).get(method) == inf:
            reason = "it would take more than three times the memory of input and output"
    return reason


def _too_slow(
    layer: Callable[..., Tensor], operands: tuple[Tensor, Tensor, Tensor | None], limit_s: float
) -> str | None:
    """Try a method on a part of the work, and say how long the whole would take if that is long."""
    module: Any = getattr(layer, "__self__")  # noqa: B009
    if module.method == AUTO or REGISTRY[module.method].predicts:
        return None
    x, w, _ = operands
    images = x.shape[0] if x.dim() == 4 else 1
    image = x[:1] if x.dim() == 4 else x
    of_group = w.shape[0] // module.groups
    filters = w.unflatten(0, (module.groups, of_group))
    few_s = part_s = 0.0
    for count in (FEW, MORE):
        if count > of_group:
            break
        part = filters[:, :count].flatten(0, 1)
        few_s, part_s = (
            part_s,
            min(timing.once_s(partial(layer, image, part, None), x.device) for _ in range(2)),
        )
        channel_s = (part_s - few_s) / (MORE - FEW) if count == MORE else 0.0
        whole_s = images * (part_s + (of_group - count) * channel_s)
        if whole_s > limit_s:
            return f"a call would take about {whole_s:.1g} s"
    return None


def _geometry(call: Call) -> Geometry:
    layer, shape = call.layer, call.shape
    shape = shape if len(shape) == 4 else (1, *shape)
    padding: Any = layer.padding
    if layer.padding_mode != "zeros":
        left, right, top, bottom = layer._reversed_padding_repeated_twice
        shape = (*shape[:2], shape[2] + top + bottom, shape[3] + left + right)
        padding = 0
    return Geometry.of(
        shape, tuple(call.weight.shape), layer.stride, padding, layer.dilation, layer.groups
    )


def _dtype(call: Call) -> torch.dtype:
    """Return the dtype of a call, under autocast as well."""
    kind = call.device.type
    if torch.is_autocast_enabled(kind) and call.dtype != torch.float64:
        return torch.get_autocast_dtype(kind)
    return call.dtype
