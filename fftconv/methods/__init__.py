"""The registry: which methods there are, what each supports, and why one is not available here."""

from fftconv.methods.compiled import Compiled
from fftconv.methods.direct import Direct
from fftconv.methods.fft import FFT
from fftconv.methods.method import Method as Method
from fftconv.methods.native import Native
from fftconv.methods.overlap_save import OverlapSave

AUTO = "auto"

REGISTRY: dict[str, Method] = {
    method.name: method for method in (Direct(), FFT(), Native(), Compiled(), OverlapSave())
}
"""Name to method. Making an instance is cheap: a method imports its backend at its first use."""


def methods() -> tuple[str, ...]:
    """Return the names that ``method=`` takes, ``auto`` last."""
    return (*REGISTRY, AUTO)


def get(name: str) -> Method:
    """Return the method called `name`.

    Raises
    ------
    TypeError
        If `name` is no string.
    ValueError
        If there is no such method.
    RuntimeError
        If it cannot be used on this machine.
    """
    if not isinstance(name, str):
        raise TypeError(f"method must be a string, got {type(name).__name__}")
    method = REGISTRY.get(name)
    if method is None:
        raise ValueError(f"method must be one of {', '.join(methods())}, got {name!r}")
    reason = method.unavailable()
    if reason is not None:
        raise RuntimeError(reason)
    return method
