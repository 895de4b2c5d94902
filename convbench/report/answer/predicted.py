"""The cost model's figures, as `fftconv.plan` tells them, over grids that a page looks up.

The model itself stays in fftconv: what is exported are its answers at many places, and the page
takes what lies between them from the nearest, on logarithmic axes. The axis of the image is the
side of the output: with it every place of a grid is a case that there is.
"""

import hashlib
import itertools
import math
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec
import platformdirs

from convbench.files.atomic import replacing
from convbench.suite.facts import PACKAGE

# Raised when the grids change, or what is kept of them.
_VERSION = 1
_STEPS_A_DECADE = 1000  # figures are kept as whole thousandths of a decade: to a quarter percent


@dataclass(frozen=True)
class Family:
    """One grid: the cases of one kind of channels."""

    name: str
    axes: dict[str, tuple[int, ...]]
    """Output side, filter side, batch, channels in and out of a group, groups."""
    dtypes: tuple[str, ...] = ("float32",)

    def shapes(self) -> Iterator[tuple[tuple[int, ...], tuple[int, ...], int]]:
        """Yield the shapes of input and weight and the groups of each place, the last axis first.

        As arrays lie in C: the figures of a family are one list.
        """
        for output, taps, batch, channels, outputs, groups in itertools.product(
            *self.axes.values()
        ):
            side = output + taps - 1
            image = (batch, channels * groups, side, side)
            yield image, (outputs * groups, channels, taps, taps), groups


def _family(name: str, *axes: tuple[int, ...], dtypes: tuple[str, ...] = ("float32",)) -> Family:
    names = ("output", "filter", "batch", "in", "out", "groups")
    return Family(name, dict(zip(names, axes, strict=True)), dtypes)


FAMILIES = (
    _family(
        "image",
        (1, 8, 16, 32, 64, 128, 256, 512, 1024, 2048),
        (1, 3, 5, 7, 9, 11, 15, 21, 31, 45, 63, 127),
        *((1,), (1,), (1,), (1,)),
        dtypes=("float32", "float64"),
    ),
    _family(
        *("dense", (8, 32, 128, 512), (1, 3, 7, 15, 31)),
        *((1, 16), (1, 4, 16, 64, 256), (1, 4, 16, 64, 256), (1,)),
    ),
    _family(
        *("depthwise", (4, 16, 64, 256, 1024), (1, 3, 7, 15, 31)),
        *((1, 16), (1,), (1,), (1, 8, 32, 128)),
    ),
)


def exported(families: tuple[Family, ...] = FAMILIES) -> dict[str, Any]:
    """Return the figures of every family, from the cache where the same model was asked before."""
    import torch

    import fftconv

    if not hasattr(fftconv, "plan"):  # a commit from before it, or a stand-in
        return {"threads": torch.get_num_threads(), "steps": _STEPS_A_DECADE, "families": {}}
    path = _cache_file(families, torch.get_num_threads())
    with suppress(OSError, msgspec.MsgspecError):
        known: dict[str, Any] = msgspec.json.decode(path.read_bytes())
        return known
    found = _asked(families)
    with suppress(OSError), replacing(path) as temporary:
        temporary.write_bytes(msgspec.json.encode(found))
    return found


def _asked(families: tuple[Family, ...]) -> dict[str, Any]:
    import torch

    threads = {"all": torch.get_num_threads(), "1": 1}
    return {
        "threads": threads["all"],
        "steps": _STEPS_A_DECADE,
        "families": {
            family.name: {
                "axes": family.axes,
                "figures": {
                    f"{dtype}/{name}": _figures(family, dtype, number)
                    for dtype in family.dtypes
                    for name, number in threads.items()
                },
            }
            for family in families
        },
    }


def _figures(family: Family, dtype: str, threads: int) -> dict[str, dict[str, list[int | None]]]:
    """Return map to method to the logarithm of the predicted seconds at each place."""
    import torch

    import fftconv

    found: dict[str, dict[str, list[int | None]]] = {}
    with _threads(threads):
        for place, (image, weight, groups) in enumerate(family.shapes()):
            planned = fftconv.plan(
                image, weight, groups=groups, dtype=getattr(torch, dtype), needs_grad=True
            )
            for name, of in planned.seconds.items():
                for method, seconds in of.items():
                    column = found.setdefault(name, {}).setdefault(method, [])
                    column += [None] * (place - len(column)) + [_kept(seconds)]
    return found


def _kept(seconds: float) -> int | None:
    if not 0 < seconds < math.inf:
        return None
    return round(_STEPS_A_DECADE * math.log10(seconds))


@contextmanager
def _threads(number: int) -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _cache_file(families: tuple[Family, ...], threads: int) -> Path:
    """Return where the figures of this model are kept: what they depend on is in the name."""
    import fftconv

    digest = hashlib.sha256(repr((_VERSION, families, threads)).encode())
    # What the machine's calibration says shows in any plan; what the model is, in its sources.
    for image, weight in (((1, 1, 97, 97), (1, 1, 5, 5)), ((4, 8, 60, 60), (8, 8, 9, 9))):
        digest.update(repr(fftconv.plan(image, weight, needs_grad=True).seconds).encode())
    source = find_spec(PACKAGE)
    assert source is not None
    for folder in source.submodule_search_locations or ():
        for path in sorted(Path(folder).rglob("*.py")):
            digest.update(path.read_bytes())
    name = f"{digest.hexdigest()[:16]}.json"
    return platformdirs.user_cache_path(PACKAGE) / "answer" / name
