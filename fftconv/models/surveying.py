"""`survey`: what each method takes for each layer of somebody's model."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from fftconv.methods.registry import REGISTRY, check_name, load
from fftconv.models import timing
from fftconv.models.caches import Rest
from fftconv.models.contenders import contenders
from fftconv.models.survey import DIRECTIONS, Direction, Row, Survey
from fftconv.models.watching import Call, SurveyError, now, run, unchanged, watch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fftconv.models.contenders import Contenders

    Tell = Callable[[float, str], None]

_MODEL_S = 1.0
_MODEL_LEAST = 3


def survey(
    model: torch.nn.Module,
    *inputs: object,
    directions: Sequence[Direction] = DIRECTIONS,
    methods: Sequence[str] | None = None,
    progress: Tell | None = None,
) -> Survey:
    """Measure each method on each `Conv2d` of a model, with the shapes that it really has.

    The model runs once to be watched, and a few times to be timed as a whole, as it is: in its mode
    of training or evaluation, under the caller's autocast. A compiled model runs without its
    compiler. Then each kind of call is made by each method in turns, with other numbers, and the
    medians are taken. Before each, as much memory is read as the rest of the model touches (256 MiB
    at most): within its model, a layer finds the caches full of that. The model is left as it was:
    its parameters, gradients, buffers, attributes and the state of random numbers. (Its hooks run
    with it, and what they change elsewhere stays changed.)

    Parameters
    ----------
    model
        Any module. Functions such as `torch.nn.functional.conv2d` are not seen, nor are layers that
        `convert` would leave alone.
    *inputs
        What to call the model with.
    directions
        ``"forward"``, ``"backward"`` or both, which is a step of training. Forward alone runs
        without recording anything for gradients.
    methods
        Names of `fftconv.methods()`, ``"auto"`` among them. None takes all that do a case, but
        those without a prediction only where a sample of the work says that a call is not far
        slower than now. The method that a layer has now is measured in any case.
    progress
        Called with the share that is done and what comes next.

    Returns
    -------
    Survey
        Reads well when printed; ``convert(model, method=survey)`` takes the best of each layer.

    Raises
    ------
    TypeError
        If it is no module.
    ValueError
        If the model calls no Conv2d, refuses the inputs (``__cause__`` is its own error), or an
        argument names no direction or method.
    NotImplementedError
        If a method that was named cannot do a case.

    Examples
    --------
    >>> found = survey(torch.nn.Conv2d(1, 1, 5), torch.ones(1, 1, 32, 32), methods=["compiled"])
    >>> sorted(found.rows[0].seconds)
    ['compiled', 'native']
    """
    if not isinstance(model, torch.nn.Module):
        raise TypeError(f"model must be a torch.nn.Module, got {type(model).__name__}")
    if any(tensor.is_meta for tensor in model.parameters()):
        raise SurveyError("the model is on the meta device, where nothing is computed")
    ways = _directions(directions)
    named = _methods(methods)
    tell = progress or (lambda _share, _what: None)
    load()
    tell(0.0, "running the model")
    backward = "backward" in ways
    with (
        torch.compiler.set_stance("force_eager"),
        unchanged(model),
        torch.set_grad_enabled(backward),
    ):
        given = tuple(_own(value) for value in inputs)
        calls = watch(model, given)
        seconds = _model_s(model, given, backward, calls[0].device)
        kinds = _measured(calls, ways, named, Rest(model, calls), tell)
    return Survey(
        rows=_rows(calls, kinds),
        directions=ways,
        model_forward_s=seconds[0] if "forward" in ways else 0.0,
        model_backward_s=seconds[1],
        threads=torch.get_num_threads(),
        torch=str(torch.__version__),
        device=str(calls[0].device),
    )


def _directions(directions: Sequence[Direction]) -> tuple[Direction, ...]:
    if isinstance(directions, str) or not directions or not set(directions) <= set(DIRECTIONS):
        raise ValueError(f"directions must be of {', '.join(DIRECTIONS)}, got {directions!r}")
    return tuple(way for way in DIRECTIONS if way in directions)


def _methods(methods: Sequence[str] | None) -> tuple[str, ...] | None:
    if isinstance(methods, str):
        raise TypeError(f"methods must be a sequence of names, got {methods!r}")
    return None if methods is None else tuple(check_name(name) for name in methods)


def _own(value: object) -> object:
    """Return an input that takes no gradients to the caller."""
    if not isinstance(value, Tensor):
        return value
    own = value.clone() if value.is_inference() else value.detach()
    return own.requires_grad_(value.requires_grad)


def _model_s(
    model: torch.nn.Module, inputs: tuple[object, ...], backward: bool, device: torch.device
) -> tuple[float, float]:
    """Return the median seconds of the model's run, and of its gradients."""
    tensors = [*model.parameters(), *(x for x in inputs if isinstance(x, Tensor))]
    wanted = [tensor for tensor in tensors if tensor.requires_grad]
    forwards: list[float] = []
    backwards: list[float] = []
    while len(forwards) < _MODEL_LEAST or sum(forwards + backwards) < _MODEL_S:
        made: list[Any] = []

        def forward(made: list[Any] = made) -> None:
            made.append(run(model, inputs))

        forwards.append(timing.once_s(forward, device))
        if backward:
            results = [t for t in pytree.tree_leaves(made) if isinstance(t, Tensor)]
            results = [t for t in results if t.requires_grad]
            if not (results and wanted):
                raise SurveyError("nothing in the model has a gradient: survey forward alone")
            gradients = partial(
                torch.autograd.grad, results, wanted, [torch.ones_like(t) for t in results],
                allow_unused=True,
            )  # fmt: skip
            backwards.append(timing.once_s(gradients, device))
    return median(forwards), median(backwards) if backward else 0.0


@dataclass(frozen=True)
class _Kind:
    """What was measured for calls that are alike."""

    forward: dict[str, float]
    backward: dict[str, float]
    made: Contenders


def _measured(
    calls: list[Call], ways: tuple[Direction, ...], named: tuple[str, ...] | None, rest: Rest,
    tell: Tell,
) -> dict[object, _Kind]:  # fmt: skip
    alike: dict[object, Call] = {}
    for call in calls:
        alike.setdefault(call.key, call)
    baselines = {now(call.layer) for call in calls}
    kinds = {}
    for number, (key, call) in enumerate(alike.items()):
        shapes = " by ".join("x".join(map(str, s)) for s in (call.shape, call.weight.shape))
        tell((number + 1) / (len(alike) + 1), f"{call.name or 'the model'}: {shapes}")
        methods = tuple(REGISTRY) if named is None else named
        made = contenders(call, methods, baselines, strict=named is not None)
        times: dict[str, dict[str, float]] = {
            way: timing.side_by_side(
                made.calls(way), call.device, rest.touch(call, made.incoming(way))
            )
            for way in ways
        }
        kinds[key] = _Kind(times.get("forward", {}), times.get("backward", {}), made)
    tell(1.0, "done")
    return kinds


def _rows(calls: list[Call], kinds: dict[object, _Kind]) -> tuple[Row, ...]:
    counts: dict[tuple[object, ...], int] = {}
    first: dict[tuple[object, ...], Call] = {}
    for call in calls:
        key = (call.name, call.key)
        counts[key] = counts.get(key, 0) + 1
        first.setdefault(key, call)
    return tuple(_row(call, counts[key], kinds[call.key]) for key, call in first.items())


def _row(call: Call, count: int, kind: _Kind) -> Row:
    layer = call.layer
    return Row(
        name=call.name,
        calls=count,
        input_shape=call.shape,
        weight_shape=tuple(call.weight.shape),
        output_shape=tuple(kind.made.gradient.shape),
        stride=cast("tuple[int, int]", layer.stride),
        padding=cast("tuple[int, int] | str", layer.padding),
        dilation=cast("tuple[int, int]", layer.dilation),
        groups=layer.groups,
        padding_mode=layer.padding_mode,
        dtype=str(call.dtype).removeprefix("torch."),
        now=now(layer),
        forward=kind.forward,
        backward=kind.backward,
        left_out=kind.made.left_out,
    )
