"""Lines of code: whose they are, and which one an error or a frame is about.

A finding names a line that its reader can change. So lines of the standard library and of torch,
numpy and what else is installed are passed over, for the line of the layer's that led there.
"""

import contextlib
import functools
import inspect
import linecache
import re
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, TracebackType
from typing import Any

_OURS = str(Path(__file__).parents[1])
_OF_PYTHON = tuple({f"{sysconfig.get_path(name)}/" for name in ("stdlib", "platstdlib")})
# Of this environment, and of those that it may see: a user's own, the system's.
_INSTALLED = re.compile(r"/(site|dist)-packages/")
# What a layer leaves torch for, and torch: never the layer's own lines.
_LIBRARIES = ("torch", "numpy", "scipy")
_claimed: list[str] = []
_FRAME = re.compile(r'File "([^"]+)", line (\d+)')


@dataclass(frozen=True)
class Place:
    """A line of a file."""

    file: str
    line: int

    @property
    def code(self) -> str:
        """What stands there."""
        return linecache.getline(self.file, self.line).strip()

    def __str__(self) -> str:
        """Name it as editors do: path and line, the path from here if it is below."""
        path = Path(self.file)
        here = Path.cwd()
        shown = path.relative_to(here) if path.is_relative_to(here) else path
        return f"{shown.as_posix()}:{self.line}"


def is_of_python(file: str) -> bool:
    """Whether a file is of the standard library, or is no file."""
    return file.startswith((*_OF_PYTHON, "<")) and _INSTALLED.search(file) is None


@functools.cache
def is_installed(file: str) -> bool:
    """Whether a file is of the standard library or of an installed package, or is no file."""
    return (
        is_of_python(file)
        or _INSTALLED.search(file) is not None
        or any(is_of_package(file, name) for name in _LIBRARIES)
    )


def _home(package: str) -> str | None:
    """Return the folder of a package that is imported, or the file of a module."""
    file: str | None = getattr(sys.modules.get(package), "__file__", None)
    if file is None:
        return None
    return f"{Path(file).parent}/" if Path(file).name == "__init__.py" else file


def is_of_package(file: str, package: str) -> bool:
    """Whether a file belongs to a package that is imported."""
    home = _home(package)
    return home is not None and file.startswith(home)


def is_own(file: str) -> bool:
    """Whether a file may hold the layer: of its package, or neither installed nor the judge's."""
    claimed = any(file.startswith(place) for place in _claimed)
    return claimed or not (is_installed(file) or file.startswith(f"{_OURS}/"))


@contextlib.contextmanager
def owning(package: str) -> Iterator[None]:
    """Count the files of a package as the layer's own in the block, wherever it is installed."""
    top = package.split(".")[0]
    home = _home(top)
    if top in _LIBRARIES or top in sys.stdlib_module_names or home is None:
        yield
        return
    _claimed.append(home)
    try:
        yield
    finally:
        _claimed.pop()


def definition(thing: Any) -> Place | None:
    """Return where a function, a class or the class of an object begins; None if in no file."""
    thing = inspect.unwrap(thing) if callable(thing) else thing
    if not (inspect.isroutine(thing) or inspect.isclass(thing)):
        thing = type(thing)
    try:
        file = inspect.getsourcefile(thing)
        lines, first = inspect.getsourcelines(thing)
    except (TypeError, OSError):
        return None
    # A decorator is not what a reader looks for.
    skipped = next((n for n, text in enumerate(lines) if re.match(r"\s*(def|class)\b", text)), 0)
    return Place(file, first + skipped) if file else None


def beginning(code: CodeType) -> Place:
    """Return the first line of a function's code."""
    lines = range(code.co_firstlineno, code.co_firstlineno + 8)  # past its decorators
    texts = ((line, linecache.getline(code.co_filename, line)) for line in lines)
    found = next((line for line, text in texts if re.match(r"\s*def\b", text)), lines[0])
    return Place(code.co_filename, found)


def raised_at(error: BaseException) -> Place | None:
    """Return the layer's line at which an error came up, or that called what raised it."""
    found: Place | None = None
    traceback: TracebackType | None = error.__traceback__
    while traceback is not None:
        file = traceback.tb_frame.f_code.co_filename
        if is_own(file):
            found = Place(file, traceback.tb_lineno)
        traceback = traceback.tb_next
    return found


def named_by(error: BaseException) -> Place | None:
    """Return the layer's line that an error's message names, as those of compilers do."""
    named = [Place(file, int(line)) for file, line in _FRAME.findall(str(error)) if is_own(file)]
    return named[-1] if named else None
