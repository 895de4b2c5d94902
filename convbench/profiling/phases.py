"""Which phase of a convolution each part of a trace belongs to, and what it amounts to."""

import re
from dataclasses import dataclass

from convbench.limits.machine import Limits
from convbench.profiling.event_work import work_of
from convbench.profiling.spec import Spec
from convbench.profiling.trace import Event

PHASES = ("transform", "product", "inverse", "copy", "kernel", "autograd", "Python")
MEANING = {
    "transform": "Fourier's or Winograd's transforms of input, weight or gradient",
    "product": "multiplying spectra, and sums",
    "inverse": "inverse transforms",
    "copy": "copying, padding, cutting, allocating and freeing",
    "kernel": "the direct sum itself, in one library call",
    "autograd": "torch's automatic differentiation",
    "Python": "the interpreter, and dispatch to libraries",
}

# The first pattern that matches the name of an event, or of one around it, decides. Names are
# torch operators, built-in functions, and Python frames as "path(line): function".
_RULES: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (phase, re.compile(pattern))
    for phase, pattern in (
        (
            "inverse",
            r"_fft_c2r|<built-in (function|method) c2r\b|_pocketfft.*: (c2rn?|irfft)",
        ),
        (
            "transform",
            r"_fft_(r2c|c2c)|<built-in (function|method) (r2c|c2c)\b|_pocketfft/",
        ),
        (
            "kernel",
            r"^aten::(mkldnn_|_?slow_conv|thnn_conv|_conv_depthwise|_?convolution|conv2d)"
            r"|<built-in function _(convolve2d|correlateND)>"
            r"|fftconv/machine_code/(pool|shift|team)|fftconv/methods/compiled/job\.py"
            r"|fftconv/methods/overlap_save/few_channels\.py.*: _run$"
            r"|fftconv/methods/overlap_save/many_channels/phases\.py|numba/core/dispatcher",
        ),
        (
            "copy",
            r"^aten::(copy_|clone|contiguous|cat|_?pad|constant_pad_nd|fill_|zero_|zeros|empty"
            r"|_to_copy|new_|index_put|narrow_copy|fold|im2col|col2im|stack)"
            r"|<built-in (function|method) (copy|copyto|astype|ascontiguousarray|zeros|empty"
            # The frame itself frees what the call allocated.
            r"|empty_like|fill|concatenate|array|asarray)\b|: (_centered|_zeropad|fftconvolve)$",
        ),
        (
            "product",
            r"^aten::(mul_?|bmm|mm|matmul|einsum|baddbmm|addmm|conj|add_?|sum|_conj|view_as_real"
            r"|addcmul|tensordot|dot|mv)\b|_signaltools.py\(\d+\): _freq_domain_conv"
            r"|<built-in (function|method) (multiply|einsum|add|reduce|sum|c_einsum) ?",
        ),
        (
            "autograd",
            r"^autograd::|Backward\d*$|^torch/autograd/|<built-in method run_backward"
            r"|fftconv/_?autograd|^torch/_(library|ops|functorch)",
        ),
    )
)
_MARK = "phases: "
# An event belongs to the phase of the one around it, unless it says otherwise itself; further out
# the names are those of the frames that hold the call together.
_DEPTH = 2


@dataclass
class Phase:
    """What one phase of a call took, and what it did."""

    name: str
    time_s: float = 0.0
    flops: float = 0.0
    bytes: float = 0.0
    limit_s: float = 0.0
    """Least seconds of the known operations and bytes on this machine."""
    events: int = 0

    @property
    def fraction(self) -> float | None:
        """Fraction of the limit reached, None where the work is not known."""
        return self.limit_s / self.time_s if self.limit_s and self.time_s else None


def phase_of(event: Event) -> str:
    """Return the phase that an event's self time belongs to."""
    around: Event | None = event
    for _ in range(_DEPTH):
        if around is None:
            break
        if around.name == "aten::_fft_c2c" and around.concrete[-1:] == ["False"]:
            return "inverse"
        for phase, pattern in _RULES:
            if pattern.search(around.name):
                return phase
        around = around.parent
    return "Python"


def _own_parts(event: Event) -> dict[str, float]:
    """Return the shares of phases in an event that says so itself, by marks that it leaves.

    Compiled code in which several phases alternate, too short to be events, counts them itself;
    the frame that called it then leaves an event called "phases: name=ticks name=ticks ...". It may
    say how many operations a phase were, too: "name=ticks/operations".
    """
    around: Event | None = event
    while around is not None and phase_of(around) == "kernel":
        ticks = _marks(around)
        if ticks:
            total = sum(ticks.values())
            return {name: count / total for name, count in ticks.items()}
        around = around.parent
    return {}


def _marks(frame: Event) -> dict[str, float]:
    ticks = dict.fromkeys(PHASES, 0.0)
    for mark in (mark for child in frame.children for mark in child.walk()):
        for name, count, _ in _said(mark):
            ticks[name] += count
    return {name: count for name, count in ticks.items() if count}


def _said(mark: Event) -> list[tuple[str, float, float]]:
    """Return phases, ticks and operations that an event says; none if it is no mark."""
    if not mark.name.startswith(_MARK):
        return []
    found = re.findall(r"(\w+)=(\d+)(?:/(\d+))?", mark.name)
    return [(name, float(ticks), float(operations or 0)) for name, ticks, operations in found]


def phases(call: Event, spec: Spec, limits: Limits) -> list[Phase]:
    """Divide one call into its phases, every one listed; their times sum to the call's."""
    found = {name: Phase(name) for name in PHASES}
    passes_said = False
    for event in call.walk():
        for name, _, operations in _said(event):
            passes_said = True
            found[name].flops += operations
            found[name].limit_s += operations / limits.flops_per_s[spec.dtype]
        parts = _own_parts(event)
        if parts:
            for name, share in parts.items():
                found[name].time_s += share * event.self_s
                found[name].events += 1
            continue
        phase = found[phase_of(event)]
        phase.time_s += event.self_s
        phase.events += 1
        done = work_of(event, phase.name, spec, limits)
        phase.flops += done.flops
        phase.bytes += done.bytes
        phase.limit_s += done.limit_s
    kernel = found["kernel"]
    # Where passes say what they do, what is left of the call beside them is not the direct sum.
    if kernel.events and not passes_said:
        work = spec.work
        kernel.flops, kernel.bytes = work.flops, work.bytes
        kernel.limit_s = max(
            work.flops / limits.flops_per_s[spec.dtype],
            work.bytes / limits.bytes_per_s(work.bytes),
        )
    return [found[name] for name in PHASES]
