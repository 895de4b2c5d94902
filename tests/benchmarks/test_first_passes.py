"""What the first pass through a network costs is measured in processes and folders of their own."""

import subprocess
import sys
from pathlib import Path

from benchmarks import first_passes


def test_a_process_compiles_into_the_folder_and_the_next_one_reads_it(tmp_path: Path) -> None:
    cache = str(tmp_path)
    first, later = first_passes.in_a_process("ConvNeXt-T", False, cache)
    assert first > later > 0
    compiled = sorted(tmp_path.rglob("*.nbc"))
    assert compiled
    before = [file.stat().st_mtime_ns for file in compiled]
    first_passes.in_a_process("ConvNeXt-T", False, cache)
    assert sorted(tmp_path.rglob("*.nbc")) == compiled
    assert [file.stat().st_mtime_ns for file in compiled] == before


def test_a_network_that_there_is_not_is_misuse() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.first_passes", "--of", "LeNet"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "'LeNet'" in done.stderr.splitlines()[-1]
