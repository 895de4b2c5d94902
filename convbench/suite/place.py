"""Whose suite it is that is judged: this repository's, or another project's."""

import importlib.util
from pathlib import Path

from convbench.suite.facts import PACKAGE

CONFIGURATIONS = ("asv.conf.json", "asv.conf.jsonc")
"""How asv names a suite's configuration where nothing else is said."""


def is_clone(folder: Path) -> bool:
    """Whether a folder is laid out as a clone of this repository."""
    return (folder / PACKAGE).is_dir() and (folder / "benchmarks").is_dir()


def is_elsewhere() -> bool:
    """Whether the working directory holds the asv suite of another project.

    Where there is no suite at all, nothing is another project's: each command says what it lacks.
    """
    here = Path.cwd()
    if is_clone(here):
        return False
    found = [file for name in CONFIGURATIONS if (file := here / name).is_file()]
    return bool(found) and any(_project(file) != PACKAGE for file in found)


def _project(file: Path) -> str | None:
    from asv.util import UserError, load_json

    try:
        known = load_json(str(file), js_comments=True)
    except (UserError, OSError, ValueError):
        return None
    return str(known.get("project")) if isinstance(known, dict) else None


def has_suite() -> bool:
    """Whether this repository's benchmarks are what is judged, and can be asked.

    An installed convbench has no benchmarks beside it, and another project's have the same name.
    """
    if is_elsewhere() or importlib.util.find_spec("benchmarks") is None:
        return False
    return importlib.util.find_spec("benchmarks.cases") is not None
