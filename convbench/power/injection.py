"""A repository whose commits differ by a known slowdown alone.

Every commit wraps the forward call of fftconv's layers. A share of the calls is made twice: with
a share of 0.03, every 33rd or 34th. BASE has the same wrapper with a share of zero, so nothing
but the repetitions differs.
"""

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from convbench.repository.git import git
from convbench.repository.working_tree import copy_working_tree
from convbench.suite.facts import PACKAGE

_WRAPPER = '''"""A known slowdown, injected: a share of the calls is made twice."""

from collections.abc import Callable
from typing import Any

SHARE = {share!r}
NAME = {name!r}


def repeated(forward: Callable[..., Any]) -> Callable[..., Any]:
    """Return `forward`, made twice in a share of its calls."""
    owed = 0.0

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        nonlocal owed
        owed += SHARE
        while owed >= 1.0:
            owed -= 1.0
            forward(*args, **kwargs)
        return forward(*args, **kwargs)

    return wrapper


def inject(*layers: Any) -> None:
    """Wrap the forward call of some layers."""
    for layer in layers:
        layer.forward = repeated(layer.forward)
'''
_CALL = """
from fftconv.injected import inject

inject(Conv2d, FFTConv2d, NativeConv2d, ScipyConv2d)
"""
_AUTHOR = ("-c", "user.name=power study", "-c", "user.email=power@localhost")
BASE = "base"
# asv's environment takes a minute and a gigabyte: it outlives the repository.
_ENVIRONMENT = '"env_dir": ".asv/env"'
_KEPT = "../env"


@dataclass(frozen=True)
class Injected:
    """The repository, and the name of each commit."""

    root: Path

    def contender(self, share: float) -> str:
        """Return the tag of the commit that is slower by `share`."""
        return f"slower-{share:g}"


def _commit(root: Path, name: str, share: float) -> None:
    text = _WRAPPER.format(share=share, name=name)
    (root / PACKAGE / "injected.py").write_text(text, encoding="utf-8")
    git(root, "add", "--all", "--force")
    git(root, *_AUTHOR, "commit", "--quiet", "--no-verify", "--message", name)
    git(root, "tag", name)


def make(
    source: Path, folder: Path, shares: Sequence[float], environments: Path | None = None
) -> Injected:
    """Make the repository anew from the working tree of `source`.

    asv keeps its environments in the folder that is named, or else beside the repository.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    copy_working_tree(source, folder)
    shutil.rmtree(folder / "results", ignore_errors=True)
    with (folder / PACKAGE / "__init__.py").open("a", encoding="utf-8") as package:
        package.write(_CALL)
    config = folder / "asv.conf.json"
    text = config.read_text(encoding="utf-8")
    assert _ENVIRONMENT in text
    kept = f'"env_dir": {json.dumps(str(environments or _KEPT))}'
    config.write_text(text.replace(_ENVIRONMENT, kept), encoding="utf-8")
    git(folder, "init", "--quiet", "--initial-branch", "main")
    made = Injected(folder)
    _commit(folder, BASE, 0.0)
    for share in shares:
        git(folder, "checkout", "--quiet", BASE)
        _commit(folder, made.contender(share), share)
    git(folder, "checkout", "--quiet", BASE)
    return made
