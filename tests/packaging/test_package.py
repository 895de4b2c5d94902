"""The wheel and the sdist hold the package, all of it, and nothing else."""

import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of an sdist, and of a wheel that was made from it, as `make package`."""
    pytest.importorskip("build", reason="the [package] extra is not installed")
    copy = tmp_path_factory.mktemp("package")
    shutil.copytree(
        ROOT / "fftconv", copy / "fftconv", ignore=shutil.ignore_patterns("__pycache__")
    )
    for name in ("pyproject.toml", "README.md", "LICENSE", "MANIFEST.in"):
        shutil.copy(ROOT / name, copy)
    (copy / "tests").mkdir()  # which setuptools would take along
    shutil.copy(ROOT / "tests" / "test_rooms.py", copy / "tests")
    done = subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", copy / "dist", copy],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return copy / "dist"


def sources() -> set[str]:
    files = (path for path in (ROOT / "fftconv").rglob("*") if path.suffix in (".py", ".json"))
    return {path.relative_to(ROOT).as_posix() for path in files} | {"fftconv/py.typed"}


def test_the_wheel_holds_each_module_and_data_file_and_nothing_else(made) -> None:
    (wheel,) = made.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        files = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert files == sources()


def test_the_sdist_holds_what_the_wheel_is_made_of(made) -> None:
    (sdist,) = made.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        files = {name.split("/", 1)[1] for name in archive.getnames() if "/" in name}
    assert sources() | {"pyproject.toml", "README.md", "LICENSE"} <= files
    assert not {name for name in files if name.startswith(("tests/", "results/", "benchmarks/"))}


def test_the_index_would_take_both(made) -> None:
    pytest.importorskip("twine", reason="the [package] extra is not installed")
    done = subprocess.run(
        [sys.executable, "-m", "twine", "check", "--strict", *made.iterdir()],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
