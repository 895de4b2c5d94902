"""What every check is told: the layer, and the Functions that it was seen to call."""

from dataclasses import dataclass

from convbench.layer.places import Place
from convbench.layer.subject import Subject
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
