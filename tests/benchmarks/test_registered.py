"""A method of somebody's joins the grid by ``FFTCONV_METHODS``, and cells keep their places."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = """
import json
{first}
from benchmarks import cases, conv2d, layer_cases, registered
from benchmarks.operands import missing_method
grids = conv2d.Forward.params[0], conv2d.ForwardFloat64.params[0], layer_cases.METHODS
case = cases.Case("unfold", 64, 3)
try:
    from benchmarks.operands import measured_call
    shape = list(measured_call(case, "forward")()[0].shape)
except NotImplementedError as error:
    shape = str(error)
large = cases.Case("unfold", 1024, 31).skip_reason("forward")
import fftconv
print(json.dumps([*grids, shape, large, hasattr(fftconv, "Method"), hasattr(fftconv, "register")]))
"""
OLD = "import fftconv; del fftconv.Method, fftconv.register, fftconv.Geometry"


def said(first: str = "", **environ: str) -> list[object]:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(first=first)],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: list[object] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize(
    "first", ["", pytest.param("import fftconv; fftconv.methods()", marks=pytest.mark.slow)]
)
def test_a_named_method_is_the_last_of_every_grid_and_is_measured(first) -> None:
    plain = said()
    *grids, shape, large, _, _ = said(first, FFTCONV_METHODS="examples.unfold")
    for grid, before in zip(grids, plain[:3], strict=True):
        assert grid == [*before, "unfold"]
    assert shape == [1, 1, 62, 62]
    assert "unfold forward in float32 on 1024x1024 with 31x31 is skipped" in large
    assert "'unfold'" not in str(plain[:3])


@pytest.mark.slow
def test_cells_keep_their_places_at_a_commit_that_cannot_register() -> None:
    *grids, shape, _, has_method, has_register = said(OLD, FFTCONV_METHODS="examples.unfold")
    assert all(grid[-1] == "unfold" for grid in grids)
    assert shape == "This commit's fftconv has no method unfold."
    assert (has_method, has_register) == (False, False)


def test_asv_discovers_its_cells(tmp_path) -> None:
    folder = str(ROOT / "benchmarks")
    code = f"""
from asv_runner._aux import update_sys_path
from asv_runner.discovery import disc_benchmarks
update_sys_path({folder!r})
found = {{b.name: b.params for b in disc_benchmarks({folder!r})}}
print(found["conv2d.Forward.time_forward"][0])
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,  # not in the clone, as with asv
        env={"PATH": "/usr/bin:/bin", "FFTCONV_METHODS": "examples.unfold"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "unfold" in done.stdout
