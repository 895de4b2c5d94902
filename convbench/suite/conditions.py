"""What the cells of the suite that is judged heed of the machine around them.

This suite's cells say it themselves; of another project's only what holds for any is known.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager

from convbench.command_line.failure import MisuseError
from convbench.suite import elsewhere
from convbench.suite.place import has_suite

# What benchmarks.turns and cases say, again: an installed convbench has them not. Tests compare.
DEADLINE_VARIABLE = "FFTCONV_DEADLINE"
PATIENCE_VARIABLE = "FFTCONV_PATIENCE_S"
TURNS_VARIABLE = "FFTCONV_TURNS"
TURNS = 24
BUDGET_VARIABLE = "FFTCONV_CELL_BUDGET_S"
TOGETHER_VARIABLE = "FFTCONV_TOGETHER"
SLOWDOWN = "slowdown: "
TOLERANCE = 1.06
"""By what factor the machine's paces beside two cells may differ and count as the same: each is the
median of some dozen readings, which comes again within 2 or 3% where nothing else runs."""


def in_force(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the variables under which a time was measured that another setting may change."""
    if not has_suite():
        return elsewhere.in_force(environ)
    from benchmarks import settings

    return settings.in_force(environ)


def kept_apart() -> dict[str, str]:
    """Return the settings here by which results are told apart: asv's own know of none."""
    return in_force() if has_suite() else {}


def written(settings: Mapping[str, str]) -> str:
    """Write settings as a shell takes them, for a line of text or of metadata.

    Examples
    --------
    >>> written({"OMP_NUM_THREADS": "1", "NUMBA_OPT": "2"})
    'NUMBA_OPT=2 OMP_NUM_THREADS=1'
    """
    return " ".join(f"{name}={value}" for name, value in sorted(settings.items()))


def cores_allowed() -> float | None:
    """Return how many cores the quotas of control groups allow; None where nobody knows of one."""
    if not has_suite():
        return None
    from benchmarks import quota

    return quota.cores_allowed()


def periods_throttled() -> int:
    """Return in how many periods a quota was used up so far."""
    if not has_suite():
        return 0
    from benchmarks import quota

    return quota.periods_throttled()


def burning(share: float) -> AbstractContextManager[None]:
    """Have a process beside the block that burns a share of a core.

    Raises
    ------
    MisuseError
        The one that does is not there: it comes with this repository's benchmarks.
    """
    if not has_suite():
        raise MisuseError("--burn needs the burner in a clone of fftconv's repository")
    from benchmarks import burner

    return burner.burning(share)


def method_modules() -> list[str]:
    """Return the modules with methods of somebody's that the cells import."""
    if not has_suite():
        return []
    from benchmarks import registered

    return registered.modules()
