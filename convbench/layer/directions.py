"""The calls of a layer that are timed: forward, and backward if it has one."""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from convbench.layer.subject import Subject, differentiable, tensors_of
from convbench.layer.timing import Sampled, in_turns

FORWARD, BACKWARD = "forward", "backward"
Call = Callable[[], object]


@dataclass(frozen=True)
class Timing:
    """One direction of the layer, and of its reference if there is one."""

    direction: str
    layer: Sampled
    reference: Sampled | None


def calls(subject: Subject) -> dict[str, Call]:
    """Return the calls by direction: forward as in training, backward to all that asks for it."""
    layer = subject.fresh()
    inputs = [tensor.requires_grad_() for tensor in subject.inputs()]
    leaves = list(inputs)
    if isinstance(layer, torch.nn.Module):
        leaves += [value for value in layer.parameters() if value.requires_grad]
    results = differentiable(tensors_of(layer(*inputs)))
    found: dict[str, Call] = {FORWARD: lambda: layer(*inputs)}
    if results:
        grads = [torch.randn_like(result) for result in results]
        found[BACKWARD] = lambda: torch.autograd.grad(
            results, leaves, grads, retain_graph=True, allow_unused=True
        )
    return found


def timings(subject: Subject, reference: Subject | None) -> list[Timing]:
    """Measure every direction that the layer has, side by side with the reference's."""
    mine = calls(subject)
    theirs = calls(reference) if reference is not None else {}
    both = {("layer", name): call for name, call in mine.items()}
    both |= {("reference", name): call for name, call in theirs.items()}
    named = {f"{side} {name}": call for (side, name), call in both.items()}
    samples = in_turns(named)
    return [
        Timing(name, samples[f"layer {name}"], samples.get(f"reference {name}")) for name in mine
    ]


def training_step(subject: Subject) -> Call:
    """Return a call of both directions, as a profile wants it."""
    found = calls(subject)
    forward = found[FORWARD]
    inputs_grad = found.get(BACKWARD)
    if inputs_grad is None:
        return forward

    def step() -> None:
        forward()
        inputs_grad()

    return step
