"""What every check is told: the layer, and the Functions that it was seen to call."""

from dataclasses import dataclass

import torch

from convbench.layer.places import Place
from convbench.layer.subject import Subject, tensors_of
from convbench.layer.watching import Watched


@dataclass(frozen=True)
class Context:
    """The subject of the checks."""

    subject: Subject
    functions: tuple[Watched, ...]
    """The layer's own autograd Functions, in the order of their calls."""
    random: bool
    """Whether two calls with the same inputs give two results."""

    def line_of(self, method: str) -> Place | None:
        """Return where the layer's first Function has a method; of no Function, its forward."""
        if self.functions:
            return self.functions[0].place(method)
        return self.subject.place


def is_random(subject: Subject) -> bool:
    """Whether two calls with the same inputs give two results; of a layer that raises, not so."""
    found = []
    try:
        for seed in (7, 8):
            torch.manual_seed(seed)
            with torch.no_grad():
                found.append(tensors_of(subject.fresh()(*subject.inputs())))
    except Exception:
        return False  # the checks will find it
    return not all(map(_equal, *found))


def _equal(a: torch.Tensor, b: torch.Tensor) -> bool:
    return a.shape == b.shape and torch.allclose(a, b, equal_nan=True)
