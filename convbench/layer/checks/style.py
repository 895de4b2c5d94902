"""How the layer's autograd Functions are written: torch has had three styles."""

import torch

from convbench.layer.checks.context import Context
from convbench.layer.finding import Finding, failed, not_applicable, passed
from convbench.layer.legacy import is_instance_style
from convbench.layer.watching import has_setup_context


def function_style(context: Context) -> Finding:
    """Look whether each Function is of the style that all of torch works with."""
    if not context.functions:
        return not_applicable("the layer has no autograd.Function of its own")
    for watched in context.functions:
        name = watched.function.__name__
        if is_instance_style(watched.function):
            said = (
                f"{name} is a legacy Function: its forward is a method of an instance, which torch "
                "refuses to call (the rest was looked at as if it were static)"
            )
            mend = (
                "make forward and backward static, with ctx in place of self, and call "
                f"{name}.apply(...) instead of {name}()(...)"
            )
            return failed(said, watched.place("forward"), mend)
    for watched in context.functions:
        if not has_setup_context(watched.function) and _is_refused(context):
            said = (
                f"{watched.function.__name__} is of the older style: its forward takes ctx, so "
                "torch.func (grad, vmap, jvp, jacrev) refuses it"
            )
            mend = (
                "split forward(ctx, ...) into forward(...), which computes, and "
                "setup_context(ctx, inputs, output), which saves"
            )
            return failed(said, watched.place("forward"), mend)
    names = ", ".join(watched.function.__name__ for watched in context.functions)
    return passed(f"torch.func can differentiate it, through {names} or past it")


def _is_refused(context: Context) -> bool:
    """Whether torch.func refuses the layer for the style of a Function."""
    try:
        torch.func.vjp(context.subject.fresh(), *context.subject.inputs())
    except RuntimeError as error:
        return "setup_context" in str(error)
    except Exception:
        return False  # for a reason of its own: results that are no tensors, say
    return False
