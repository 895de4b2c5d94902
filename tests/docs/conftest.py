"""The pages of docs/, built once from a copy, so that nothing is written into the working tree.

What the pages import is not copied: numba would compile it anew for another place.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COPIED = ("docs", "examples")
LINKED = ("fftconv", "benchmarks", "convbench")
FILES = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "Makefile", "pyproject.toml")


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the pages; a warning fails, as it does for `make docs`."""
    for name in ("sphinx", "myst_parser", "numpydoc", "pydata_sphinx_theme", "sphinx_gallery"):
        pytest.importorskip(name, reason="the [docs] extra is not installed")
    pytest.importorskip("skimage", reason="the [examples] extra is not installed")
    copy = tmp_path_factory.mktemp("docs")
    unwanted = shutil.ignore_patterns("__pycache__")
    for room in COPIED:
        shutil.copytree(ROOT / room, copy / room, ignore=unwanted)
    for room in LINKED:
        (copy / room).symlink_to(ROOT / room)
    shutil.rmtree(copy / "docs" / "examples", ignore_errors=True)  # of an earlier `make docs`
    for name in FILES:
        shutil.copy(ROOT / name, copy)
    pages = copy / "build"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html"),
            # The others take a while, and tests of their own run them.
            *("-D", "sphinx_gallery_conf.filename_pattern=tiles"),
            *("docs", pages),
        ],
        cwd=copy,
        env={**os.environ, "MAKELEVEL": "1"},  # as `make docs` does
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return pages
