"""`convbench gate` where a suite's `repo` is no git repository on this machine."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from convbench.repository.git import git

from .conftest import PACKAGE, PYPROJECT, write

hglib = pytest.importorskip("hglib", reason="needs python-hglib, by which asv reads Mercurial")

EXISTING = ("-E", "existing", "--budget", "200s")
ADDRESS = "https://example.org/thing.git"
CELL = "loops.time_several"
BIN = Path(sys.executable).parent


def refused(done: "subprocess.CompletedProcess[str]", said: str) -> bool:
    """Whether it ended with 2 and one line, beside what the gate says of a busy machine."""
    lines = [line for line in done.stderr.splitlines() if "gate: busy" not in line]
    assert done.returncode == 2, done.stdout + done.stderr
    assert len(lines) == 1, lines
    return said in lines[0]


def verdicts(file: Path) -> dict[str, str]:
    return {cell["cell"]: cell["verdict"] for cell in json.loads(file.read_text())["cells"]}


@pytest.fixture
def elsewhere(project, tmp_path, environment) -> Path:
    """Move the suite out of its project, which it then names by an address."""
    perf = tmp_path / "suite-alone"
    (project / "perf").rename(perf)
    configuration = perf / "asv.conf.json"
    configuration.write_text(configuration.read_text().replace('".."', f'"{ADDRESS}"'))
    # git finds the address on this machine: no test asks a network.
    settings = f'[url "{project.as_uri()}"]\n\tinsteadOf = {ADDRESS}\n'
    Path(environment["HOME"], ".gitconfig").write_text(settings)
    return perf


@pytest.mark.slow
def test_an_address_is_cloned_as_asv_does_it(convbench, project, elsewhere, tmp_path) -> None:
    file = tmp_path / "gate.json"
    before = git(project, "count-objects", "-v")
    arguments = ("gate", "base", "slower", *EXISTING, "--bench", CELL, "--json", str(file))
    done = convbench(elsewhere, *arguments)
    assert done.returncode == 1, done.stdout + done.stderr
    assert verdicts(file) == {CELL: "slowdown"}
    assert git(project, "count-objects", "-v") == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("base",), f"name HEAD: this suite's repo is {ADDRESS}, of which no working tree is here"),
        (("nowhere", "slower"), "'nowhere' names no commit of this repository"),
    ],
)
def test_what_an_address_cannot_give_is_one_line_and_2(
    convbench, elsewhere, arguments, said
) -> None:
    done = convbench(elsewhere, "gate", *arguments, *EXISTING)
    assert refused(done, said)


def test_an_address_that_does_not_answer_is_one_line_and_2(convbench, project, elsewhere) -> None:
    project.rename(project.with_name("moved"))
    done = convbench(elsewhere, "gate", "base", "slower", *EXISTING)
    assert refused(done, f"repo {ADDRESS}: ")


def hg(root: Path, *arguments: str) -> None:
    subprocess.run([BIN / "hg", "--config", "ui.username=n", *arguments], cwd=root, check=True)


@pytest.fixture
def mercurial(original, tmp_path, environment) -> Path:
    """Make the project's first two commits in a repository of Mercurial's, tagged as they are."""
    environment["PATH"] = f"{BIN}:{environment['PATH']}"
    root = tmp_path / "mercurial"
    write(root / "pyproject.toml", PYPROJECT)
    package = root / "src" / "thing" / "__init__.py"
    write(package, PACKAGE)
    hg(root, "init")
    for name in ("base", "slower"):
        hg(root, "commit", "--addremove", "--message", name)
        hg(root, "tag", "--local", name)
        package.write_text(package.read_text().replace("TURNS = 1", "TURNS = 2"))
    git(original, "archive", "--output", str(tmp_path / "perf.tar"), "base", "perf")
    subprocess.run(["tar", "xf", str(tmp_path / "perf.tar")], cwd=root, check=True)
    configuration = root / "perf" / "asv.conf.json"
    configuration.write_text(configuration.read_text().replace('["main"]', '["default"]'))
    return root


@pytest.mark.slow
def test_a_repository_of_mercurials(convbench, mercurial, tmp_path) -> None:
    file = tmp_path / "gate.json"
    arguments = ("gate", "base", "slower", *EXISTING, "--bench", CELL, "--json", str(file))
    done = convbench(mercurial / "perf", *arguments)
    assert done.returncode == 1, done.stdout + done.stderr
    assert verdicts(file) == {CELL: "slowdown"}
    done = convbench(mercurial / "perf", "gate", "base", *EXISTING)
    assert refused(done, "name HEAD: this suite's repo is")
