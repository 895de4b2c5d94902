"""The doors between the rooms are one-way, and the check that keeps them can fail."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LINT = Path(sys.executable).with_name("lint-imports")


@pytest.fixture
def copy(tmp_path) -> Path:
    for room in ("fftconv", "benchmarks", "convbench"):
        ignored = shutil.ignore_patterns("__pycache__", "vendor")
        shutil.copytree(ROOT / room, tmp_path / room, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def lint(root: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [str(LINT), "--no-cache"],
        cwd=root,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(root), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_rules_are_kept(copy) -> None:
    done = lint(copy)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("fftconv/__init__.py", "import convbench"),
        ("fftconv/tutorial/layers.py", "import benchmarks.cases"),
        ("fftconv/tutorial/layers.py", "import matplotlib"),
        ("benchmarks/cases.py", "import convbench.results.store"),
        ("benchmarks/operands.py", "import fftconv.tutorial.layers"),
        ("convbench/report/making.py", "from fftconv.tutorial import ScipyConv2d"),
        # Within fftconv, too, nothing is imported upward, and nothing in a circle.
        ("fftconv/geometry.py", "import fftconv.methods.maps"),
        ("fftconv/machine_code/pool.py", "import fftconv.methods.compiled.job"),
        ("fftconv/calibration/machine.py", "import fftconv.methods.registry"),
        ("fftconv/methods/compiled/method.py", "import fftconv.methods.overlap_save.mkl"),
        ("fftconv/methods/polyphase.py", "import fftconv.methods.registry"),
        ("fftconv/methods/overlap_save/tiling.py", "import fftconv.methods.overlap_save.choice"),
        (
            "fftconv/methods/overlap_save/torch_engine.py",
            "import fftconv.methods.overlap_save.few_channels",
        ),
        ("fftconv/auto/plan.py", "import fftconv.methods.native"),
        ("fftconv/functional.py", "import fftconv.dask"),
        ("fftconv/functional.py", "import dask.array"),
        ("fftconv/methods/registry.py", "import fftconv.auto.plan"),
        # Within convbench nothing is imported upward, and nothing in a circle.
        ("convbench/stats/judging.py", "import convbench.results.store"),
        ("convbench/asv/command.py", "import convbench.report.making"),
        ("convbench/report/crossover/lead.py", "import convbench.report.pages.shell"),
        ("convbench/drawing/markup.py", "import convbench.report.pages.publish"),
        ("convbench/layer/checks/style.py", "import convbench.layer.page"),
        # What serves any asv suite asks `convbench.suite` what this one is.
        ("convbench/gate/pairs.py", "import benchmarks.cases"),
        ("convbench/backfill/making.py", "import convbench.report.making"),
        ("convbench/sweep/merging.py", "import benchmarks.cases"),
        # A command that needs no cluster works without dask.
        ("convbench/backfill/making.py", "import distributed"),
        # The statistics are pure.
        ("convbench/stats/rates.py", "import pathlib"),
        ("convbench/stats/rates.py", "import time"),
    ],
)
def test_each_forbidden_door_is_guarded(copy, file, line) -> None:
    path = copy / file
    path.write_text(f"{path.read_text()}\n{line}\n")
    done = lint(copy)
    assert done.returncode != 0, done.stdout
    assert "BROKEN" in done.stdout
