"""The wheel and the sdist hold the package, all of it, and nothing else."""

import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("fftconv", "convbench")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of an sdist, and of a wheel that was made from it, as `make package`."""
    pytest.importorskip("build", reason="the [package] extra is not installed")
    copy = tmp_path_factory.mktemp("package")
    for package in PACKAGES:
        shutil.copytree(
            ROOT / package, copy / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    (copy / "benchmarks").mkdir()  # which is measured, and is no package of anybody's
    shutil.copy(ROOT / "benchmarks" / "__init__.py", copy / "benchmarks")
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
    found = [path for package in PACKAGES for path in (ROOT / package).rglob("*")]
    files = [path.relative_to(ROOT) for path in found if path.is_file()]
    # Notes for developers stay in the clone; the vendored files go with their licences and notes.
    kept = (file for file in files if file.suffix != ".md" or "vendor" in file.parts)
    return {file.as_posix() for file in kept if "__pycache__" not in file.parts}


def test_the_wheel_has_the_command_of_the_judge(made) -> None:
    (wheel,) = made.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("/entry_points.txt"))
        text = archive.read(name).decode()
    assert "[console_scripts]\nconvbench = convbench.__main__:main\n" in text


def test_the_judge_runs_from_the_wheel_and_says_what_needs_a_clone(made, tmp_path) -> None:
    (wheel,) = made.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")
    code = "import sys; from convbench.__main__ import main; sys.exit(main())"
    for arguments, status, said in (
        (["--help"], 0, "gate"),
        (["crossover"], 2, "runs in a clone of fftconv's repository"),
        (["gate", "HEAD"], 2, "there is no asv.conf.json here"),
    ):
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            cwd=tmp_path,
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(tmp_path / "installed")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == status, done.stderr
        assert said in done.stdout + done.stderr


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
