"""Run asv as it is configured here, with its results in another folder."""

import json
from pathlib import Path
from typing import Any

from asv.util import load_json

from convbench.files.atomic import replacing

_PATHS = ("repo", "benchmark_dir", "env_dir", "html_dir")


def conf_with_results(
    folder: Path, conf: Path = Path("asv.conf.json"), environments: Path | None = None
) -> Path:
    """Write a copy of asv's configuration whose results go to ``folder/results``; return it.

    asv takes the folder of its configuration for its working directory, so paths are made whole.
    Its `environments` can be in another folder, too.
    """
    known: dict[str, Any] = load_json(str(conf), js_comments=True)
    root = conf.resolve().parent
    for name in _PATHS:
        if "://" not in str(known.get(name, "://")):
            known[name] = str(root / known[name])
    if environments is not None:
        known["env_dir"] = str(environments)
    known["results_dir"] = str(folder.resolve() / "results")
    made = folder / "asv.conf.json"
    with replacing(made) as temporary:
        temporary.write_text(json.dumps(known, indent=1), encoding="utf-8")
    return made
