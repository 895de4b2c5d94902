"""Run asv as it is configured here, with its results in another folder."""

import json
from pathlib import Path
from typing import Any

from asv.config import Config
from asv.util import load_json

from convbench.files.atomic import replacing

_FOLDERS = ("benchmark_dir", "env_dir", "html_dir")


def conf_with_results(
    folder: Path, conf: Path = Path("asv.conf.json"), environments: Path | None = None
) -> Path:
    """Write a copy of asv's configuration whose results go to ``folder/results``; return it.

    asv takes the folder of its configuration for its working directory, so paths are made whole.
    Its `environments` can be in another folder, too.
    """
    known: dict[str, Any] = load_json(str(conf), js_comments=True)
    root = conf.resolve().parent
    for name in _FOLDERS:
        known[name] = str(root / known.get(name, getattr(Config(), name)))
    if environments is not None:
        known["env_dir"] = str(environments)
    if (root / str(known["repo"])).exists():  # and is no address
        known["repo"] = str(root / known["repo"])
    known["results_dir"] = str(folder.resolve() / "results")
    made = folder / "asv.conf.json"
    with replacing(made) as temporary:
        temporary.write_text(json.dumps(known, indent=1), encoding="utf-8")
    return made
