"""The workflows and docs/ci: actions pinned, few rights, and true to the statuses of the gate."""

import re
import subprocess
from pathlib import Path

import pytest

CI = Path(__file__).parents[2] / "docs" / "ci"
WORKFLOW = (CI / "gate.yml").read_text()
ROOT = CI.parents[1]
OTHER = (CI / "other-suite.yml").read_text()
OWN = (ROOT / ".github" / "workflows" / "tests.yml").read_text()


@pytest.mark.parametrize("workflow", [WORKFLOW, OWN, OTHER], ids=["gate", "tests", "other"])
def test_actions_are_pinned_by_hash(workflow) -> None:
    used = re.findall(r"uses: (\S+)(.*)", workflow)
    assert used
    for action, comment in used:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action)
        assert re.fullmatch(r" # v\d+\.\d+\.\d+", comment)


def test_the_projects_workflow_tries_what_pyproject_declares_by_commands_that_exist() -> None:
    assert re.search(r"^permissions:\n  contents: read$", OWN, flags=re.MULTILINE)
    assert "write" not in OWN
    declared = (ROOT / "pyproject.toml").read_text()
    torch = re.search(r'"torch>=([\d.]+)"', declared)
    python = re.search(r'requires-python = ">=([\d.]+)"', declared)
    assert torch
    assert python
    assert f'python: "{python[1]}"\n            torch: "{torch[1]}' in OWN
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"run: make ([a-z-]+)", OWN)) <= targets


def test_the_job_that_runs_the_requests_code_may_write_nothing() -> None:
    before, comment = WORKFLOW.split("\n  comment:\n")
    assert re.search(r"^permissions: \{\}$", before, flags=re.MULTILINE)
    assert "write" not in re.findall(r"[\w-]+: (read|write)\n", before)
    assert "pull_request_target" not in WORKFLOW
    assert "checkout" not in comment  # which may write
    # What a stranger chose, a title or a branch's name, is no part of a command.
    assert not re.search(r"run:[^\n]*\$\{\{", WORKFLOW)


@pytest.mark.parametrize(
    ("status", "inconclusive", "expected"),
    [(0, "", 0), (1, "", 1), (1, "pass", 1), (2, "pass", 2), (3, "", 3), (3, "pass", 0)],
)
def test_the_script_ends_as_the_gate_did(tmp_path, status, inconclusive, expected) -> None:
    done = script(tmp_path, gate=status, GATE_INCONCLUSIVE=inconclusive)
    assert done.returncode == expected, done.stderr


@pytest.mark.parametrize("status", [1, 128])
def test_a_commit_that_has_nothing_in_common_is_no_slowdown(tmp_path, status) -> None:
    assert script(tmp_path, git=status).returncode == 2


def script(
    folder: Path, git: int = 0, gate: int = 0, **environment: str
) -> "subprocess.CompletedProcess[str]":
    """Run it where git and the gate end with these statuses."""
    for command, status in (("git", git), ("make", 0), (".venv/bin/python", gate)):
        stub = folder / command
        stub.parent.mkdir(parents=True, exist_ok=True)
        stub.write_text(f"#!/bin/sh\nexit {status}\n")
        stub.chmod(0o755)
    return subprocess.run(
        ["bash", str(CI / "gate.sh"), "main"],
        cwd=folder,
        env={"PATH": f"{folder}:/usr/bin:/bin", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
