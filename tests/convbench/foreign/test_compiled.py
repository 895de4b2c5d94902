"""A project with a C extension, built by asv's own default commands into environments of its own.

It asks pip's index for what asv puts into its environments.
"""

import json
from pathlib import Path

import pytest

from convbench.repository.git import git

from .conftest import commit, write

PYPROJECT = """
    [build-system]
    requires = ["setuptools"]
    build-backend = "setuptools.build_meta"
    [project]
    name = "counted"
    version = "0"
    [tool.setuptools]
    ext-modules = [{name = "counted", sources = ["counted.c"]}]
"""
# The optimizer may not leave out what a volatile counter counts.
EXTENSION = """
    #include <Python.h>

    #define TURNS 100000

    static PyObject *work(PyObject *self, PyObject *none) {
        volatile long count = 0;
        for (long turn = 0; turn < TURNS; turn++) count++;
        return PyLong_FromLong(count);
    }

    static PyMethodDef methods[] = {{"work", work, METH_NOARGS, NULL}, {NULL, NULL, 0, NULL}};
    static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "counted", NULL, -1, methods};
    PyMODINIT_FUNC PyInit_counted(void) { return PyModule_Create(&module); }
"""
CONFIGURATION = """
    {
        "version": 1,
        "project": "counted",
        "repo": "..",
        "branches": ["main"],
        "environment_type": "virtualenv",
        "matrix": {"env_nobuild": {"COUNTED_BY": ["asv"]}},
        // where nothing else is said, asv's folders are beside this file
    }
"""
BENCHMARKS = """
    import os

    import counted

    def setup():
        assert os.environ["COUNTED_BY"] == "asv"

    def time_work():
        counted.work()
"""


@pytest.fixture(scope="module")
def compiled(tmp_path_factory) -> Path:
    """Make a commit, and one that does a tenth more."""
    root: Path = tmp_path_factory.mktemp("compiled")
    write(root / "pyproject.toml", PYPROJECT)
    write(root / "counted.c", EXTENSION)
    write(root / "perf" / "asv.conf.json", CONFIGURATION)
    write(root / "perf" / "benchmarks" / "__init__.py", BENCHMARKS)
    git(root, "init", "--quiet", "--initial-branch", "main")
    commit(root, "base")
    source = root / "counted.c"
    source.write_text(source.read_text().replace("TURNS 100000", "TURNS 110000"))
    commit(root, "slower")
    return root


def kept(perf: Path) -> dict[Path, int]:
    """Return the wheels in the cache of asv's own environment, and when each was made."""
    found = (perf / "env").glob("*/asv-build-cache/*/*.whl")
    return {path: path.stat().st_mtime_ns for path in found}


@pytest.mark.slow
def test_a_tenth_more_is_found_and_the_same_code_passes(compiled, convbench, tmp_path) -> None:
    perf = compiled / "perf"
    file = tmp_path / "gate.json"
    done = convbench(perf, "gate", "base", "slower", "--json", str(file))
    assert done.returncode == 1, done.stdout + done.stderr
    (cell,) = json.loads(file.read_text())["cells"]
    assert cell["cell"] == "time_work"
    assert cell["ratio"] == pytest.approx(1.1, abs=0.05)
    wheels = kept(perf)
    commits = {git(compiled, "rev-parse", name).strip() for name in ("base", "slower")}
    assert {path.parent.name for path in wheels} == commits

    # It is built already, and an unchanged working tree is its commit.
    done = convbench(perf, "gate", "slower")
    assert done.returncode == 0, done.stdout + done.stderr
    assert kept(perf) == wheels
    assert git(compiled, "status", "--porcelain") == "?? perf/env/\n"
