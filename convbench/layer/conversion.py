"""How much of a call is conversion, how much the library's work, how much torch and the layer.

The interpreter tells a profile function when Python functions and functions of C are called and
return. What lies between belongs to the innermost of these regions:

- conversion: what turns tensors into arrays and back, or copies or casts either;
- library: functions of other packages, with all that these call;
- torch: its operators and its automatic differentiation;
- layer: the layer's own lines, operators between arrays included, which are no calls.

The clock stands still while the profile function works, so that the sum is close to what a call
takes without it.
"""

import sys
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

from convbench.layer.places import Place, is_installed, is_of_package, is_of_python, is_own

REGIONS = ("conversion", "library", "torch", "layer")
MEANING = {
    "conversion": "tensors to arrays and back, copies, casts of dtype",
    "library": "functions of numpy, scipy and other packages",
    "torch": "torch's operators and automatic differentiation",
    "layer": "the layer's own lines, operators between arrays included",
}
_OF_TORCH = {
    *("as_tensor", "asarray", "bfloat16", "clone", "contiguous", "copy_", "cpu", "cuda", "detach"),
    *("detach_", "double", "float", "from_dlpack", "from_numpy", "frombuffer", "half", "item"),
    *("new", "new_tensor", "numpy", "resolve_conj", "resolve_neg", "tensor", "to", "tolist"),
    *("type", "type_as"),
}
_OF_NUMPY = {
    *("array", "asanyarray", "asarray", "ascontiguousarray", "asfortranarray", "astype", "copy"),
    *("copyto", "from_dlpack", "frombuffer", "require", "tobytes", "tolist"),
}
_CALLS, _BUDGET_S = 25, 0.6


@dataclass
class Split:
    """Where the time of one profiled call went."""

    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(REGIONS, 0.0))
    """By region."""
    conversions: dict[tuple[Place | None, str], list[float]] = field(
        default_factory=lambda: defaultdict(list)
    )
    """Seconds of each conversion, by the layer's line and what was called there."""

    @property
    def total_s(self) -> float:
        """Seconds of the call."""
        return sum(self.seconds.values())

    def share(self, region: str) -> float:
        """Return the part of the call that a region took."""
        return self.seconds[region] / self.total_s if self.total_s else 0.0

    def costly(self, most: int = 6) -> list[tuple[Place | None, str, int, float]]:
        """Return the conversions that took longest: line, name, how many, seconds."""
        rows = [(p, name, len(s), sum(s)) for (p, name), s in self.conversions.items()]
        return sorted(rows, key=lambda row: -row[3])[:most]


def _owner(function: Any) -> str:
    """Return the package of a function of C: that of its module or of the object it belongs to."""
    module = getattr(function, "__module__", None)
    owner = getattr(function, "__self__", None)
    if module is None and owner is not None:
        module = next(
            (base.__module__ for base in type(owner).__mro__ if base.__module__ != "__main__"), None
        )
        # A layer's Parameter is torch's, whatever module its class is from.
        if any(base.__module__.startswith("torch") for base in type(owner).__mro__):
            module = "torch"
    return str(module or "builtins").split(".")[0]


class _Profile:
    """The state of one profiled call: regions that were entered, and when."""

    def __init__(self) -> None:
        self.split = Split()
        self._regions = ["layer"]
        self._entered: list[tuple[Place | None, str, float] | None] = [None]
        self._lost = 0.0
        self._files: dict[str, str | None] = {}
        self._last = time.perf_counter()

    def follow(self, frame: FrameType, event: str, value: Any) -> None:
        """Take note of a call or a return."""
        arrived = time.perf_counter()
        now = arrived - self._lost
        self.split.seconds[self._regions[-1]] += now - self._last
        self._last = now
        if event == "call":
            self._enter(self._of_frame(frame), None)
        elif event == "c_call":
            region, name = self._of_c(value)
            begun = region == "conversion" != self._regions[-1]
            self._enter(region, (_own_line(frame), name, now) if begun else None)
        elif len(self._regions) > 1:
            self._regions.pop()
            conversion = self._entered.pop()
            if conversion is not None:
                place, name, start = conversion
                self.split.conversions[place, name].append(now - start)
        self._lost += time.perf_counter() - arrived

    def _enter(self, region: str, conversion: tuple[Place | None, str, float] | None) -> None:
        self._regions.append(region)
        self._entered.append(conversion)

    def _of_frame(self, frame: FrameType) -> str:
        around = self._regions[-1]
        file = frame.f_code.co_filename
        if file not in self._files:
            self._files[file] = _region_of_file(file)
        region = self._files[file]
        if region == "layer":
            return region
        return around if region is None or around in ("conversion", "library") else region

    def _of_c(self, function: Any) -> tuple[str, str]:
        around = self._regions[-1]
        name = getattr(function, "__name__", "")
        if around in ("conversion", "library"):
            return around, name
        owner = _owner(function)
        if owner == "torch":
            return ("conversion" if name in _OF_TORCH else "torch"), name
        if owner == "numpy":
            return ("conversion" if name in _OF_NUMPY else "library"), name
        if owner in sys.builtin_module_names or owner in sys.stdlib_module_names:
            return around, name
        return "library", name


def _region_of_file(file: str) -> str | None:
    """Return the region of a file's functions, None for what belongs to whoever calls it."""
    if is_own(file):
        return "layer"
    if is_of_package(file, "torch"):
        return "torch"
    return "library" if is_installed(file) and not is_of_python(file) else None


def _own_line(frame: FrameType | None) -> Place | None:
    while frame is not None:
        if is_own(frame.f_code.co_filename):
            return Place(frame.f_code.co_filename, frame.f_lineno)
        frame = frame.f_back
    return None


def split(call: Callable[[], object]) -> Split:
    """Profile some calls and return that of median duration."""
    call()
    found: list[Split] = []
    before = sys.getprofile()
    end = time.perf_counter() + _BUDGET_S
    while len(found) < 3 or (len(found) < _CALLS and time.perf_counter() < end):
        profile = _Profile()
        sys.setprofile(profile.follow)
        try:
            call()
        finally:
            sys.setprofile(before)
        found.append(profile.split)
    return sorted(found, key=lambda one: one.total_s)[len(found) // 2]
