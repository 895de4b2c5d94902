"""asv's configuration of the suite that is judged, found and read as asv does it."""

import os
from pathlib import Path
from typing import Any

from convbench.building.saying import refused
from convbench.command_line.failure import MisuseError


def opened(config: Path | None) -> Any:
    """Read asv's configuration, load its plugins, and go where it is, as asv does.

    Parameters
    ----------
    config
        The file; None for the one of the working directory.

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

    if config is not None:
        if not config.is_file():
            raise MisuseError(f"--config {config} is no file")
        os.chdir(config.resolve().parent)
    with refused("asv's configuration"):
        conf = Config.load(None if config is None else config.name)
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
