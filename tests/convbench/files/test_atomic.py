"""Files are whole: the old one or the new one, whatever happens in between."""

import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from convbench.files.atomic import replacing


def test_the_file_is_replaced_when_the_block_ends(tmp_path) -> None:
    target = tmp_path / "sub" / "result.json"
    with replacing(target) as temporary:
        assert temporary.suffix == ".json"
        temporary.write_text("new")
        assert not target.exists()
    assert target.read_text() == "new"
    assert list(target.parent.iterdir()) == [target]


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path) -> None:
    target = tmp_path / "result.json"
    target.write_text("old")

    def fail_half_way() -> None:
        with replacing(target) as temporary:
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_half_way()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_permissions_are_those_of_any_new_file(tmp_path) -> None:
    (tmp_path / "plain").touch()
    with replacing(tmp_path / "target") as temporary:
        temporary.touch()
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("plain", "target")]
    assert modes[0] == modes[1]


# asv itself, killed while it writes: with and without the plugin.
KILLED = """
import os, sys
from asv import util
if {plugin}:
    import convbench.asv_plugin

def dump(data, stream, **options):
    stream.write('{{"half": ')
    stream.flush()
    os._exit(9)
util.json.dump = dump
util.write_json(sys.argv[1], {{"new": 1}}, 1)
"""


@pytest.mark.parametrize("plugin", [True, False])
def test_asv_killed_while_it_writes_leaves_the_old_results(tmp_path, plugin) -> None:
    target = tmp_path / "results.json"
    target.write_text('{"old": 1}')
    script = KILLED.format(plugin=plugin)
    done = subprocess.run(
        [sys.executable, "-c", script, str(target)], cwd=Path(__file__).parents[3], check=False
    )
    assert done.returncode == 9
    if plugin:
        assert json.loads(target.read_text()) == {"old": 1}
    else:  # what the plugin is for
        with pytest.raises(ValueError, match="Expecting value"):
            json.loads(target.read_text())
