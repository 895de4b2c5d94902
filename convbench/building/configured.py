"""asv's configuration of the suite that is judged, found and read as asv does it."""

import os
from pathlib import Path
from typing import Any

from convbench.building.saying import refused
from convbench.command_line.failure import MisuseError
from convbench.suite.place import CONFIGURATIONS


def entered(config: Path | None) -> Path | None:
    """Go where asv's configuration is, as asv does, and return its name, None for the usual one.

    Parameters
    ----------
    config
        The file; None for the one of the working directory.

    Raises
    ------
    MisuseError
        There is no such file.
    """
    if config is None:
        usual, other = (Path(name) for name in CONFIGURATIONS)
        return other if other.is_file() and not usual.is_file() else None
    if not config.is_file():
        raise MisuseError(f"--config {config} is no file")
    os.chdir(config.resolve().parent)
    return Path(config.name)


def opened(name: Path | None) -> Any:
    """Read asv's configuration in the working directory, and load its plugins.

    Parameters
    ----------
    name
        As `entered` returns it.

    Returns
    -------
    conf : asv.config.Config

    Raises
    ------
    MisuseError
        There is none, or asv refuses it.
    """
    from asv.config import Config
    from asv.plugin_manager import plugin_manager

    with refused("asv's configuration"):
        conf = Config.load(None if name is None else str(name))
        for plugin in conf.plugins:
            plugin_manager.import_plugin(plugin)
    return conf


def benchmarks_of(conf: Any) -> Path:
    """Return the folder of the benchmarks, checked as asv checks it.

    Raises
    ------
    MisuseError
        It is no package that asv would read.
    """
    from asv.benchmarks import Benchmarks

    with refused("benchmark_dir"):
        folder = Path(conf.benchmark_dir).resolve()
        Benchmarks.check_tree(str(folder))
    return folder
