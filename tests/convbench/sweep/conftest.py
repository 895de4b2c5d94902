"""Workers of dask's, and a repository whose items do what a test asks of them: no asv runs."""

import subprocess
import textwrap
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from rich.console import Console

from convbench.sweep.bundle import bundled
from convbench.sweep.cluster import Site, looked, opened, site
from convbench.sweep.hosts import Kind

# As convbench.sweep.item is called; asked `python CODE`, it runs it.
_ITEM = """
    import sys
    from pathlib import Path

    folder, *options, act, code = sys.argv[1:]
    Path(folder, "options").write_text(repr(options))
    exec(code)
"""


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=Test", "-c", "user.email=test@example.invalid")
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Make a repository that has items, at two commits."""
    root = tmp_path / "repository"
    (root / "convbench" / "sweep").mkdir(parents=True)
    (root / "convbench" / "sweep" / "item.py").write_text(textwrap.dedent(_ITEM))
    for folder in ("convbench", "convbench/sweep"):
        (root / folder / "__init__.py").touch()
    git(root, "init", "-q", "-b", "main")
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "One")
    git(root, "commit", "-q", "--allow-empty", "-m", "Two")
    return root


@pytest.fixture
def sited(repository: Path) -> Iterator[Callable[..., tuple[Site, Kind]]]:
    """Start workers on this host; give them and the kind that they are of."""
    with ExitStack() as stack:

        def start(workers: int, **options: object) -> tuple[Site, Kind]:
            client = stack.enter_context(opened(None, workers))
            bundle = bundled(repository, [])
            made = stack.enter_context(site(client, bundle, {"FFTCONV_A": "1=2"}, None))
            (resource,) = made.places()
            host = looked(made, Console())[0]
            return made, Kind(resource, "machine", host.facts, (host.host,))

        yield start
