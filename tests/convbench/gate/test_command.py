"""`convbench gate` from end to end on a tiny repository: verdicts, exit statuses, files."""

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

# Ten times what it takes: the gate ends when it is decided, and the machine may be busy.
BUDGET = ("--budget", "100s")


def pyperf(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "pyperf", *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_slowdown_is_1_and_its_files_are_read_by_others(gate, tmp_path) -> None:
    # The contender is the working tree: a change that is not committed, and an untracked file.
    package = gate.root / "fftconv" / "__init__.py"
    (gate.root / "fftconv" / "untracked.py").write_text("SECONDS = 0.0044\n")
    text = package.read_text().replace(
        "def changed():\n    work(0.004)",
        "def changed():\n    from fftconv.untracked import SECONDS\n    work(SECONDS)",
    )
    package.write_text(text)
    file, comment = tmp_path / "out.json", tmp_path / "out.md"
    done = gate(
        *("base", "--bench", "steady|changed", *BUDGET),
        *("--json", str(file), "--markdown", str(comment)),
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert package.read_text() == text
    assert "HEAD is working tree" in done.stdout
    assert "slower: 1 of 2 cells" in done.stdout
    assert re.search(r"at most \d:\d\d left", done.stdout)  # the progress says what is left
    verdicts = json.loads(file.read_text())
    by_cell = {cell["cell"]: cell for cell in verdicts["cells"]}
    assert verdicts["exit_status"] == 1
    assert by_cell["tiny.Tiny.time_changed"]["verdict"] == "slowdown"
    assert by_cell["tiny.Tiny.time_changed"]["ratio"] == pytest.approx(1.1, abs=0.01)
    assert by_cell["tiny.Tiny.time_steady"]["verdict"] == "no slowdown"
    assert "| slowdown |" in comment.read_text()
    base, head = tmp_path / "out.base.json", tmp_path / "out.head.json"
    assert "1.10x slower" in pyperf("compare_to", str(base), str(head))
    assert "tiny.Tiny.time_changed" in pyperf("hist", str(head))
    assert gate.left == []


@pytest.mark.slow
def test_a_cell_of_one_side_is_named_and_no_slowdown_is_0(gate) -> None:
    done = gate("base", "new", "--bench", "steady|new", *BUDGET)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "on one side only: HEAD only" in " ".join(done.stdout.split())
    assert "not slower" in done.stdout


def test_a_worker_that_dies_is_inconclusive_and_the_other_cells_go_on(gate) -> None:
    done = gate("base", "fragile", "--bench", "steady|fragile", *BUDGET)
    assert done.returncode == 3
    shown = " ".join(done.stdout.split())
    assert "inconclusive" in shown
    assert "HEAD: the process ended (status 7)" in shown
    assert "no slowdown" in shown


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("base", "broken"), 3, "inconclusive: HEAD: ImportError: this commit is broken"),
        (("base", "not-installable"), 2, "not-installable"),
        (("nowhere",), 2, "'nowhere' names no commit of this repository"),
        (("--", "--exec=touch hacked"), 2, "names no commit of this repository"),
        (("base", "--bench", "("), 2, "is no regular expression"),
        (("base", "--budget", "soon"), 2, "'soon' is no time"),
        (("base", "--threshold", "3"), 2, "'3' is no share"),
        (("base", "--json", "fftconv"), 2, "--json fftconv cannot be written: Is a directory"),
        (("base", "--json", "x", "--markdown", "./x"), 2, "is the same file as --json"),
        (("base", "--json", "x.json", "--markdown", "x.head.json"), 2, "beside --json"),
        (("base", "--markdown", "pyproject.toml/x.md"), 2, "cannot be written: Not a directory"),
    ],
)
def test_what_cannot_be_answered_is_one_line(gate, arguments, status, message) -> None:
    done = gate(*arguments)
    assert done.returncode == status
    last = done.stderr.strip().splitlines()[-1]
    assert message in last
    assert "Traceback" not in done.stderr
    assert gate.left == []


def test_the_report_goes_where_it_is_sent(gate, tmp_path) -> None:
    (tmp_path / "real.md").write_text("old")
    (tmp_path / "link.md").symlink_to("real.md")
    done = gate(
        *("base", "base", "--bench", "steady", "--budget", "5s"),
        *("--json", "/dev/stdout", "--markdown", str(tmp_path / "link.md")),
    )
    assert done.returncode in (0, 3), done.stderr
    _, opened, rest = done.stdout.partition("{")
    verdicts, _ = json.JSONDecoder().raw_decode(opened + rest)
    assert verdicts["exit_status"] == done.returncode
    assert "wrote /dev/stdout\n" in done.stdout
    assert (tmp_path / "link.md").is_symlink()
    assert (tmp_path / "real.md").read_text().startswith("### HEAD is base")
    assert not list(Path("/dev").glob("stdout.*"))


@pytest.mark.parametrize("cache", ["/dev/null", "file", "file/below"])
def test_a_cache_that_cannot_be_is_no_slowdown(gate, tmp_path, cache) -> None:
    (tmp_path / "file").touch()
    gate.cache = tmp_path / cache
    done = gate("base", "slower")
    assert done.returncode == 3
    assert done.stderr.splitlines()[-1].startswith("convbench gate: ")
    assert "Traceback" not in done.stderr


def test_where_there_is_no_git_there_is_no_slowdown(gate, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    done = gate("base", "slower")
    assert done.returncode == 3
    assert done.stderr == "convbench gate: git cannot be run: No such file or directory (git)\n"


@pytest.mark.slow
def test_a_reader_that_goes_away_changes_no_verdict(gate, tmp_path) -> None:
    file = tmp_path / "out.json"
    process = gate.start("base", "slower", "--bench", "changed", "--json", str(file), *BUDGET)
    process.stdout.close()
    process.stderr.close()
    assert process.wait(timeout=gate.WITHIN_S) == 1
    assert json.loads(file.read_text())["exit_status"] == 1
    assert gate.left == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_who_ends_it_gets_what_was_measured_and_no_verdict(gate, tmp_path, number) -> None:
    file = tmp_path / "out.json"
    process = gate.start("base", "slower", "--bench", "sleep", "--json", str(file), *BUDGET)
    gate.wait_until(process, lambda: any(list(folder.glob("*.log")) for folder in gate.left))
    process.send_signal(number)
    out, err = process.communicate(timeout=gate.WITHIN_S)
    assert process.returncode == 128 + number, err
    assert "interrupted" in out
    assert json.loads(file.read_text())["exit_status"] is None
    assert gate.left == []


def test_an_interrupt_keeps_what_was_measured(gate, tmp_path) -> None:
    file = tmp_path / "out.json"
    process = gate.start("base", "slower", "--bench", "sleep", "--json", str(file), *BUDGET)
    gate.wait_until(process, lambda: any(list(folder.glob("*.log")) for folder in gate.left))
    time.sleep(1.0)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=gate.WITHIN_S)
    assert process.returncode == 130, err
    assert "interrupted" in out
    assert "Traceback" not in err
    assert json.loads(file.read_text())["interrupted"] is True
    assert gate.left == []
