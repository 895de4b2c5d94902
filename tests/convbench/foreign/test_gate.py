"""`convbench gate` on the asv suite of another project."""

import json
import shutil
from pathlib import Path

import pytest

from convbench.repository.git import git

# It ends when it is decided; what it takes on a busy machine is a part of this.
BUDGET = ("--budget", "200s")
EXISTING = ("-E", "existing")


def files(root: Path) -> set[Path]:
    return {path.relative_to(root) for path in root.rglob("*") if ".git" not in path.parts}


@pytest.mark.slow
def test_it_finds_what_takes_twice_as_long_and_leaves_nothing(convbench, project, tmp_path) -> None:
    before, objects = files(project), git(project, "count-objects", "-v")
    file = tmp_path / "gate.json"
    done = convbench(
        project / "perf",
        *("gate", "base", "slower", *EXISTING, *BUDGET, "--json", str(file)),
        *("--bench", r"time_work\((2000|4000, 'other')|several|declines|timeraw"),
    )
    assert done.returncode == 1, done.stdout + done.stderr
    found = {cell["cell"]: cell for cell in json.loads(file.read_text())["cells"]}
    said = {name: (cell["verdict"], cell["note"]) for name, cell in found.items()}
    assert said == {
        "loops.Work.time_work(2000, 'plain')": ("slowdown", ""),
        "loops.Work.time_work(2000, 'other')": ("skipped", "by its params"),
        "loops.Work.time_work(4000, 'other')": (
            "skipped",
            "NotImplementedError('too much of it')",
        ),
        "loops.time_declines": ("skipped", "not on this machine"),
        "loops.time_several": ("slowdown", ""),
        "loops.timeraw_import": ("slowdown", ""),
    }
    assert found["loops.time_several"]["calls_per_block"] >= 4
    assert found["loops.timeraw_import"]["calls_per_block"] == 1
    assert files(project) == before
    assert git(project, "count-objects", "-v") == objects
    assert git(project, "status", "--porcelain") == ""


@pytest.mark.slow
def test_the_working_tree_is_built_with_its_changes(convbench, project, tmp_path) -> None:
    # From another folder, by the configuration's name; the report goes where it was asked for.
    package = project / "src" / "thing"
    text = (package / "__init__.py").read_text().replace("TURNS = 1", "from thing.new import TURNS")
    (package / "__init__.py").write_text(text)
    (package / "new.py").write_text("TURNS = 2\n")
    before, objects = files(project), git(project, "count-objects", "-v")
    (tmp_path / "here").mkdir()
    done = convbench(
        tmp_path / "here",
        *("gate", "base", "--config", "../project/perf/asv.conf.json", *EXISTING, *BUDGET),
        *("--bench", r"time_work\(2000", "--json", "gate.json"),
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "HEAD is working tree" in done.stdout
    cells = json.loads((tmp_path / "here" / "gate.json").read_text())["cells"]
    assert cells[0]["verdict"] == "slowdown"
    assert files(project) == before
    assert git(project, "count-objects", "-v") == objects


@pytest.mark.slow
def test_the_same_code_is_no_slowdown(convbench, project) -> None:
    # A difference of less than a half: no moment of a busy machine makes as much of the same code.
    done = convbench(
        project / "perf",
        *("gate", "base", *EXISTING, *BUDGET, "--threshold", "50%", "--bench", r"work\(2000"),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "not slower" in done.stdout


CONFIGURED = "perf/asv.conf.json"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("gate", "nowhere"), "'nowhere' names no commit of this repository"),
        (("gate", "--", "--upload-pack=touch hacked"), "names no commit of this repository"),
        (
            ("gate", "base", "--bench", "abacus"),
            "'abacus' finds no timed benchmark (there is loops.",
        ),
        (("gate", "base", "--bench", "("), "'(' is no regular expression"),
        (("gate", "base", "broken"), "HEAD cannot be built: "),
        (("gate", "base", "-E", "cauldron"), "asv has no environment of cauldron"),
        (("gate", "base", "--config", "no.json"), "--config no.json is no file"),
        (("gate", "base", "--instructions"), "counts cells of fftconv's own suite"),
        (("crossover",), "it is of fftconv's own benchmarks"),
        (("roofline",), "runs in a clone of fftconv's repository"),
        (("readme",), "runs in a clone of fftconv's repository"),
        (("instructions", "base"), "runs in a clone of fftconv's repository"),
    ],
)
def test_what_cannot_be_answered_is_one_line_and_2(convbench, project, arguments, said) -> None:
    own = EXISTING if arguments[0] == "gate" and "-E" not in arguments else ()
    arguments = (arguments[0], *own, *arguments[1:])
    done = convbench(project / "perf", *arguments)
    assert done.returncode == 2, done.stdout + done.stderr
    lines = [line for line in done.stderr.splitlines() if "gate: busy" not in line]
    assert [line for line in lines if "pyperf advises" not in line] == lines[-1:]
    assert said in lines[-1]
    assert not list(project.rglob("hacked*"))


@pytest.mark.parametrize(
    ("configuration", "said"),
    [
        ("no JSON at all", "asv's configuration: "),
        ("[]", "asv's configuration: "),
        ("{}", "No version specified"),
        ('{"version": 1, "project": "thing"}', "No repo specified"),
        ('{"version": 1, "repo": "..", "branches": []}', "No branches specified"),
        ('{"version": 2, "repo": ".."}', "newer than what this version of asv understands"),
        ('{"version": 1, "repo": "nowhere"}', "Can not determine what kind of DVCS"),
        ('{"version": 1, "repo": "..", "benchmark_dir": "none"}', "No __init__.py file in"),
        ('{"version": 1, "repo": "..", "benchmark_dir": 3}', "benchmark_dir: "),
        ('{"version": 1, "repo": "..", "matrix": {"req": {}, "x": 1}}', 'Unknown keys in "matrix"'),
        ('{"version": 1, "repo": "..", "plugins": [".nowhere"]}', "No module named 'nowhere'"),
    ],
)
def test_what_asv_refuses_is_one_line_and_2(convbench, project, configuration, said) -> None:
    (project / CONFIGURED).write_text(configuration)
    (project / "perf" / "suite").rename(project / "perf" / "benchmarks")
    specification = () if "matrix" in configuration else EXISTING
    done = convbench(project / "perf", "gate", "base", *specification)
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stderr.count("\n") == 1
    assert said in done.stderr


@pytest.mark.skipif(shutil.which("conda") is not None, reason="there is conda, and it would build")
def test_without_conda_its_environments_are_one_line_and_2(convbench, project) -> None:
    done = convbench(project / "perf", "gate", "base", "-E", "conda")
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stderr.splitlines()[-1].endswith("Could not find 'conda' in PATH")


def test_without_a_configuration_it_says_so(convbench, tmp_path) -> None:
    done = convbench(tmp_path, "gate", "base")
    assert done.returncode == 2
    assert "there is no asv.conf.json here" in done.stderr
    assert done.stderr.count("\n") == 1
