"""What rewrites layers: `torch.compile` and `torch.func.vmap`."""

import contextlib
import io
import logging
import re
from collections.abc import Iterator

import torch

from convbench.layer.checks.context import Context
from convbench.layer.checks.tensors import same
from convbench.layer.errors import message
from convbench.layer.finding import Finding, failed, not_applicable, passed
from convbench.layer.places import Place, is_own, named_by, raised_at
from convbench.layer.subject import differentiable, tensors_of

_BATCH = 3
_OPERATOR = (
    "make it an operator that the compiler does not look into: torch.library.custom_op, with "
    "register_fake and register_autograd"
)
_SETUP = (
    "split forward(ctx, ...) into forward(...) and setup_context(ctx, inputs, output), both static"
)
_RULE = (
    "add a static vmap(info, in_dims, *args), or generate_vmap_rule = True if forward and backward "
    "are torch operations only"
)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep what the compiler logs to itself: the finding says it."""
    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        logging.disable(disabled)


def _why(reason: str) -> str:
    """Return what the compiler says of a break: its explanation, a sentence of it."""
    explained = re.search(r"Explanation: (.+?)(?=(?<=[.`])\s[A-Z]|$)", reason, re.MULTILINE)
    return message(Exception(explained[1].rstrip(".") if explained else reason))


def _user_line(stack: object) -> Place | None:
    frames = list(stack) if isinstance(stack, (list, tuple)) else []
    own = [Place(f.filename, f.lineno) for f in frames if is_own(f.filename) and f.lineno]
    return own[-1] if own else None


def compiled(context: Context) -> Finding:
    """Compile the layer, count the breaks of its graph, and compare what it gives."""
    import torch._dynamo as dynamo

    subject = context.subject
    layer = subject.fresh()
    inputs = [tensor.requires_grad_() for tensor in subject.inputs()]
    try:
        with _quiet():
            explained = dynamo.explain(layer)(*inputs)
        reasons: dict[Place | None, str] = {}
        for reason in explained.break_reasons:
            place = _user_line(reason.user_stack)
            reasons.setdefault(place, _why(reason.reason))
        if explained.graph_break_count > 0 or reasons:
            count = max(explained.graph_break_count, len(explained.break_reasons))
            place, why = next(((p, w) for p, w in reasons.items() if p), (None, ""))
            why = why or next(iter(reasons.values()), "the compiler does not say why")
            others = [str(p) for p in reasons if p and p != place]
            also = f" (also at {', '.join(others)})" if others else ""
            breaks = f"{count} graph break{'s' if count != 1 else ''}"
            return failed(f"{breaks}: {why}{also}", place or context.line_of("forward"), _OPERATOR)
        if explained.graph_count == 0:
            said = "the compiler skips the layer: there is nothing in it that it can trace"
            return failed(said, context.line_of("forward"), _OPERATOR)
        return _same_compiled(context)
    except Exception as error:
        place = named_by(error) or raised_at(error) or context.line_of("forward")
        return failed(f"the compiler ends with an error: {_why(str(error))}", place, _OPERATOR)
    finally:
        dynamo.reset()


def _same_compiled(context: Context) -> Finding:
    layer = context.subject.fresh()
    found = []
    for called in (layer, torch.compile(layer, backend="aot_eager")):
        inputs = [tensor.requires_grad_() for tensor in context.subject.inputs()]
        torch.manual_seed(4)
        with _quiet():
            results = tensors_of(called(*inputs))
            flowing = differentiable(results)
            found.append([*results])
            if flowing:
                ones = [torch.ones_like(result) for result in flowing]
                found[-1] += torch.autograd.grad(flowing, inputs, ones, allow_unused=True)
    if not context.random and not same(found[1], found[0]):
        said = "compiled, it gives another result or gradient"
        return failed(said, context.line_of("forward"), _OPERATOR)
    return passed("one graph, with the same result and gradient")


def vectorized(context: Context) -> Finding:
    """Map the layer over a batch by `torch.func.vmap`, and compare with a loop."""
    subject = context.subject
    layer = subject.fresh()
    samples = [subject.inputs(seed=10 + n) for n in range(_BATCH)]
    batched = [torch.stack(column) for column in zip(*samples, strict=True)]
    if not tensors_of(layer(*samples[0])):
        return not_applicable("the result is no tensor")
    mapped = tensors_of(torch.func.vmap(layer, randomness="different")(*batched))
    if context.random:
        return passed("vmap goes through (the layer is random, so results are not compared)")
    looped = [tensors_of(layer(*sample)) for sample in samples]
    wanted = [torch.stack(column) for column in zip(*looped, strict=True)]
    if not same(mapped, wanted):
        said = "vmap gives another result than a loop"
        return failed(said, context.line_of("forward"), _RULE)
    return passed("vmap gives what a loop gives")


def mend_of_vmap(error: BaseException) -> str:
    """Return how to mend a layer that vmap ended with this error on."""
    return _SETUP if "setup_context" in str(error) else _RULE
