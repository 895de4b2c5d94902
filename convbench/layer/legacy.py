"""Call autograd Functions of the style that torch no longer calls.

Once ``forward(self, x)`` was a method of an instance, made and called in one place:
``F()(x)``. torch refuses that today. What such a Function computes, and whether its gradient is
right, is still a question: here it is called as if its methods were static, with torch's context
in place of the instance.
"""

import contextlib
import functools
import inspect
from collections.abc import Iterator
from typing import Any
from unittest import mock

from torch.autograd import Function


def is_instance_style(function: type[Function]) -> bool:
    """Whether a Function's forward or backward is a method of an instance."""
    return any(
        inspect.isfunction(inspect.getattr_static(function, name))
        for name in ("forward", "backward")
    )


@functools.cache
def _static(function: type[Function]) -> type[Function]:
    """Return the same Function in today's style; its first argument is the instance."""

    def forward(ctx: Any, instance: Any, *inputs: Any) -> Any:
        vars(ctx).update(vars(instance))  # what its constructor kept
        return function.forward(ctx, *inputs)

    def backward(ctx: Any, *grads: Any) -> Any:
        found = function.backward(ctx, *grads)
        return None, *(found if isinstance(found, tuple) else (found,))

    methods = {"forward": staticmethod(forward), "backward": staticmethod(backward)}
    return type(function.__name__, (Function,), methods)


@contextlib.contextmanager
def legacy_functions() -> Iterator[None]:
    """Let instances of Functions be called in the block, as torch once did."""

    def call(instance: Function, *inputs: Any) -> Any:
        return _static(type(instance)).apply(instance, *inputs)

    with mock.patch.object(Function, "__call__", call):
        yield
