"""The checks, in the order in which they are made and shown."""

from collections.abc import Callable
from dataclasses import dataclass

from convbench.layer.checks import copies, gradients, style, tensors, threads, transforms
from convbench.layer.checks.context import Context
from convbench.layer.errors import line
from convbench.layer.finding import Finding, failed
from convbench.layer.places import raised_at


def _refused(error: BaseException) -> str:
    return "support it, or refuse it with a message that says what to do"


@dataclass(frozen=True)
class Check:
    """One question to a layer."""

    name: str
    question: str
    run: Callable[[Context], Finding]
    mend: Callable[[BaseException], str] = _refused
    """What to do about an error of the layer's own in this check."""

    def find(self, context: Context) -> Finding:
        """Ask the question; a layer that raises has failed it."""
        try:
            found = self.run(context)
        except (Exception, SystemExit) as error:
            place = raised_at(error) or context.line_of("forward")
            found = failed(f"it raises {line(error)}", place, self.mend(error))
        return found.of(self.name)


CHECKS = (
    Check("gradcheck", "Is the gradient right?", gradients.first_derivative),
    Check("gradgradcheck", "Is the gradient's gradient right?", gradients.second_derivative),
    Check(
        "once_differentiable",
        "Is a second derivative that is missing refused, not silently wrong?",
        gradients.missing_derivative,
    ),
    Check("dtype", "Do float32 and float64 stay what they are, digits and all?", tensors.dtypes),
    Check("layout", "Do tensors that are not contiguous give the same?", tensors.layouts),
    Check("in place", "Do inputs and gradients keep their values?", tensors.untouched),
    Check("Function", "Is its autograd Function of today's style?", style.function_style),
    Check("torch.compile", "Is it compiled as one graph, to the same result?", transforms.compiled),
    Check(
        "vmap",
        "Does torch.func.vmap give what a loop gives?",
        transforms.vectorized,
        transforms.mend_of_vmap,
    ),
    Check("threads", "Can two threads call it, and do both work at once?", threads.two_threads),
    Check("pickle", "Can it be pickled and copied?", copies.copies),
)
