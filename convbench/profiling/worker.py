"""The process that makes the calls: timed alone, then traced, while another watches its memory.

It is told what to do by its standard input, and answers with one line of JSON a step: what it is
about to do, and at last what it found.
"""

import ctypes
import importlib
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from convbench.profiling.spec import Spec

CALL = "profiled_call"
_TIMED_S = 1.0
_TRACED_S = 0.7
_WATCHED_S = 0.4
_WATCHED_CALLS = 40
_COUNTED_CALLS = 5
_WARM_S = 0.1


def _tell(**message: Any) -> None:
    print(json.dumps(message), flush=True)


def _conv2d(spec: Spec) -> Callable[[Any, Any], Any]:
    import fftconv

    return lambda x, w: fftconv.conv2d(x, w, groups=spec.groups, method=spec.method)


def _layer_of_old_commits(spec: Spec) -> Callable[[Any, Any], Any]:
    """Return the tutorial's layer by this method: commits from before `conv2d` have that."""
    import fftconv
    from benchmarks.operands import LAYERS

    single = (spec.batch, spec.in_channels, spec.out_channels) == (1, 1, 1)
    if not single or spec.method not in LAYERS or not hasattr(fftconv, LAYERS[spec.method]):
        raise LookupError(f"this commit's fftconv cannot do {spec.title}")
    layer = getattr(fftconv, LAYERS[spec.method])(spec.filter_size, spec.filter_size)

    def apply(x: Any, w: Any) -> Any:
        parameters = {"filter": w[0, 0], "bias": layer.bias.detach().zero_()}
        return torch.func.functional_call(layer, parameters, (x[0, 0],))

    import torch

    return apply


def make_call(spec: Spec) -> Callable[[], object]:
    """Return the call that is profiled: the output, or the gradients of input and weight."""
    import torch

    import fftconv
    from benchmarks.operands import seeded

    dtype: torch.dtype = getattr(torch, spec.dtype)
    n, k = spec.input_size, spec.filter_size
    x = seeded((spec.batch, spec.in_channels, n, n), dtype)
    w = seeded((spec.out_channels, spec.in_channels // spec.groups, k, k), dtype)
    conv = _conv2d(spec) if hasattr(fftconv, "conv2d") else _layer_of_old_commits(spec)
    if not spec.backward:

        def profiled_call() -> object:
            return conv(x, w)

        return profiled_call
    operands = (x.requires_grad_(), w.requires_grad_())
    y = conv(*operands)
    g = seeded(tuple(y.shape), dtype)
    gradients = torch.autograd.grad

    def profiled_call() -> object:  # type: ignore[no-redef]
        return gradients(y, operands, g, retain_graph=True)

    return profiled_call


def _times(call: Callable[[], object], budget_s: float) -> list[float]:
    """Return the seconds of at least three calls, as many as the budget allows."""
    times: list[float] = []
    end = time.perf_counter() + budget_s
    while len(times) < 3 or (time.perf_counter() < end and len(times) < 10_000):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return times


def _new_pages(call: Callable[[], object]) -> int:
    """Return how many pages of memory the kernel has to give the process during a call."""
    from benchmarks.freed_memory import pages_given

    found = []
    for _ in range(_COUNTED_CALLS):
        before = pages_given()
        call()
        found.append(pages_given() - before)
    return sorted(found)[len(found) // 2]


def _watched(call: Callable[[], object]) -> list[tuple[float, float]]:
    """Make calls whose peaks and valleys can be told apart; return when each began and ended."""
    found: list[tuple[float, float]] = []
    end = time.perf_counter() + _WATCHED_S
    while len(found) < 3 or (time.perf_counter() < end and len(found) < _WATCHED_CALLS):
        _give_memory_back()
        time.sleep(0.004)
        start = time.time()
        call()
        found.append((start, time.time()))
    return found


def _give_memory_back() -> None:
    """Have the C library return what was freed, so that the next call's memory is seen."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc has it, others need it less
    if trim is not None:
        trim(0)


def _trace(call: Callable[[], object], count: int, output: Path) -> None:
    from torch.profiler import ProfilerActivity, profile

    # Without the allocator's events, which slow every tensor down.
    with profile(
        activities=[ProfilerActivity.CPU], record_shapes=True, with_stack=True
    ) as profiler:
        for _ in range(count):
            call()
    profiler.export_chrome_trace(str(output))


def run(spec: Spec, trace: Path) -> None:
    """Make the calls and tell what they took."""
    _tell(step="importing torch and fftconv")
    import torch

    import fftconv
    from benchmarks import freed_memory

    # Keeps torch to a quota; a number that is asked for comes later, and outweighs it.
    importlib.import_module("benchmarks.operands")
    if spec.threads is not None:
        torch.set_num_threads(spec.threads)
    _tell(step="first call, compilation included")
    call = make_call(spec)
    start = time.perf_counter()
    call()
    first_s = time.perf_counter() - start
    _times(call, _WARM_S)
    _tell(step="timed calls")
    times = _times(call, _TIMED_S)
    median_s = sorted(times)[len(times) // 2]
    pages = _new_pages(call)
    _tell(step="watched calls", watch=True)
    watched = _watched(call)
    _tell(step="traced calls", watch=False)
    count = int(min(20, max(3, _TRACED_S / median_s)))
    _trace(call, count, trace)
    kept_s = None
    if pages and freed_memory.keep():
        _tell(step="timed calls, with memory kept")
        _times(call, _WARM_S)
        kept = sorted(_times(call, _TIMED_S))
        kept_s = kept[len(kept) // 2]
    _tell(
        result={
            "times_s": times,
            "new_pages": pages,
            "kept_s": kept_s,
            "first_call_s": first_s,
            "watched": watched,
            "threads": torch.get_num_threads(),
            "fftconv": str(Path(str(fftconv.__file__)).parent.parent),
            "versions": _versions(),
        }
    )


def _versions() -> dict[str, str]:
    from importlib.metadata import version
    from importlib.util import find_spec

    packages = ("torch", "numpy", "scipy", "numba")
    installed = {name: version(name) for name in packages if find_spec(name) is not None}
    return {"python": sys.version.split()[0], **installed}


def main() -> None:
    """Read what to do from the standard input, and do it."""
    request = json.loads(sys.stdin.readline())
    try:
        run(Spec(**request["spec"]), Path(request["trace"]))
    except (LookupError, ValueError, TypeError, RuntimeError) as error:
        # What the library refuses, it refuses in one sentence; what it lacks is nobody's misuse.
        line = str(error).splitlines()[0] if str(error) else type(error).__name__
        foreseen = not isinstance(error, RuntimeError) or isinstance(error, NotImplementedError)
        _tell(**{"refused" if foreseen else "error": line})


if __name__ == "__main__":
    main()
