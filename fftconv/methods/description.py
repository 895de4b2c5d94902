"""What a method supports, found by asking it, for `fftconv.methods()` and the README's table."""

from collections.abc import Iterable
from dataclasses import dataclass, fields

import torch

from fftconv.geometry import Geometry
from fftconv.methods.method import Method


@dataclass(frozen=True)
class Description:
    """One method as a user sees it; each field of features is ``yes``, ``no`` or a few words.

    Attributes
    ----------
    name, backend, summary
        What to pass as ``method=``, the library that executes it, and what it is good for.
    unavailable
        Why it cannot be used on this machine, one sentence; None if it can.
    cpu, cuda
        Devices.
    real, complex, half, integer
        float32 and float64; complex64 and complex128; bfloat16 and float16; int32 and int64
        (without gradients).
    strided, dilated, grouped, padded
        Arguments of conv2d beyond their defaults; `padded` includes ``'same'``.
    """

    name: str
    backend: str
    summary: str
    unavailable: str | None
    cpu: str
    cuda: str
    real: str
    complex: str
    half: str
    integer: str
    strided: str
    dilated: str
    grouped: str
    padded: str

    def __str__(self) -> str:
        """Return a line for what it is and one for each feature."""
        here = self.unavailable or "available"
        lines = [f"{self.name} ({self.backend}): {self.summary}", f"  here: {here}"]
        return "\n".join([*lines, *(f"  {name}: {value}" for name, value in _features(self))])


COLUMNS = {
    "cpu": "CPU",
    "cuda": "CUDA",
    "real": "float32, float64",
    "complex": "complex64, complex128",
    "half": "bfloat16, float16",
    "integer": "int32, int64",
    "strided": "stride",
    "dilated": "dilation",
    "grouped": "groups",
    "padded": "padding, 'same'",
}


def describe(method: Method) -> Description:
    """Ask a method about one case for each feature."""
    half = "yes" if _serves(method, (torch.bfloat16, torch.float16)) else "no"
    if half == "yes" and method.compute_dtype(torch.bfloat16, _CPU) != torch.bfloat16:
        half = "in float32"
    return Description(
        name=method.name,
        backend=method.backend,
        summary=method.summary,
        unavailable=method.unavailable(),
        cpu=_word(_serves(method)),
        cuda=_word(_serves(method, device=torch.device("cuda"))),
        real=_word(_serves(method, (torch.float32, torch.float64))),
        complex=_word(_serves(method, (torch.complex64, torch.complex128))),
        half=half,
        integer=_word(_serves(method, (torch.int32, torch.int64))),
        strided=_word(_serves(method, stride=2)),
        dilated=_word(_serves(method, dilation=2)),
        grouped=_word(_serves(method, groups=2)),
        padded=_word(_serves(method, padding="same")),
    )


def table(descriptions: Iterable[Description]) -> str:
    """Return the methods and their features as a Markdown table."""
    head = ["method", "backend", *COLUMNS.values()]
    rows = [[f"`{d.name}`", d.backend, *(value for _, value in _features(d))] for d in descriptions]
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


_CPU = torch.device("cpu")


def _features(description: Description) -> list[tuple[str, str]]:
    names = [field.name for field in fields(description) if field.name in COLUMNS]
    return [(COLUMNS[name], getattr(description, name)) for name in names]


def _serves(
    method: Method,
    dtypes: tuple[torch.dtype, ...] = (torch.float32,),
    device: torch.device = _CPU,
    stride: int = 1,
    dilation: int = 1,
    groups: int = 1,
    padding: str | int = 0,
) -> bool:
    geometry = Geometry.of(
        (1, 4, 32, 32), (4, 4 // groups, 4, 4), stride, padding, dilation, groups
    )
    return not any(
        method.unsupported(geometry, method.compute_dtype(dtype, device), device)
        for dtype in dtypes
    )


def _word(served: bool) -> str:
    return "yes" if served else "no"
