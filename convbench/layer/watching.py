"""See which autograd Functions a layer calls, and what their backward hands to torch.

torch casts a gradient to the dtype of what it belongs to, so afterwards nobody can tell what
`backward` returned. A profile function sees it: it is called when a Python function returns.
"""

import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from types import CodeType, FrameType
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from convbench.layer.places import Place, beginning, is_own

# Of tensors and of arrays; the first are to a dtype of less than float64 always.
_CASTS = ("float", "half", "bfloat16", "astype", "type", "to")


@dataclass
class Watched:
    """One Function of the layer's, and what was seen of it."""

    function: type[Function]
    returned: dict[str, dict[Place, tuple[torch.dtype | None, ...]]] = field(
        default_factory=lambda: {"forward": {}, "backward": {}}
    )
    """Of each of its methods: the lines that returned, with the dtypes of what they returned."""

    def place(self, method: str) -> Place:
        """Return where a method begins."""
        return beginning(_code(self.function, method) or _code(self.function, "forward"))  # type: ignore[arg-type]

    @property
    def argument_names(self) -> list[str]:
        """The names of what forward takes: gradients are returned in this order."""
        names = list(inspect.signature(self.function.forward).parameters)
        return names if has_setup_context(self.function) else names[1:]


def has_setup_context(function: type[Function]) -> bool:
    """Whether a Function keeps what it needs in a method of its own, as torch.func asks."""
    return function.setup_context is not Function.setup_context


def _code(function: type[Function], method: str) -> CodeType | None:
    found = inspect.unwrap(getattr(function, method))
    return getattr(found, "__code__", None)


def _all_functions() -> list[type[Function]]:
    found, left = [], [Function]
    while left:
        below = left.pop().__subclasses__()
        found += below
        left += below
    return found


def _follow(run: Callable[[], object], follow: Callable[[FrameType, str, Any], None]) -> None:
    """Run something under a profile function."""
    before = sys.getprofile()
    sys.setprofile(follow)
    try:
        run()
    finally:
        sys.setprofile(before)


def watch(run: Callable[[], object]) -> list[Watched]:
    """Run something and return the Functions that it called, in order, of the layer's own files."""
    methods: dict[CodeType, tuple[type[Function], str]] = {}
    for function in _all_functions():
        for method in ("forward", "backward"):
            code = _code(function, method)
            if code is not None and is_own(code.co_filename):
                methods.setdefault(code, (function, method))
    seen: dict[type[Function], Watched] = {}

    def follow(frame: FrameType, event: str, value: Any) -> None:
        if event not in ("call", "return") or frame.f_code not in methods:
            return
        function, method = methods[frame.f_code]
        watched = seen.setdefault(function, Watched(function))
        if event == "return" and value is not None:
            place = Place(frame.f_code.co_filename, frame.f_lineno)
            watched.returned[method][place] = _dtypes(value)

    _follow(run, follow)
    return list(seen.values())


def casts(run: Callable[[], object]) -> list[Place]:
    """Run something and return the layer's lines that cast tensors, those to float32 first."""
    found: list[tuple[int, Place]] = []

    def follow(frame: FrameType, event: str, value: Any) -> None:
        name = getattr(value, "__name__", None) if event == "c_call" else None
        if name in _CASTS and is_own(frame.f_code.co_filename):
            place = Place(frame.f_code.co_filename, frame.f_lineno)
            found.append((_CASTS.index(name), place))

    _follow(run, follow)
    return [place for _, place in sorted(found, key=lambda one: one[0])]


def _dtypes(value: Any) -> tuple[torch.dtype | None, ...]:
    parts = value if isinstance(value, tuple) else (value,)
    return tuple(part.dtype if isinstance(part, Tensor) else None for part in parts)
