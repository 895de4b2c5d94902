"""Have asv write its JSON files whole."""

from pathlib import Path
from typing import Any

from convbench.files.atomic import replacing


def make_asv_atomic() -> None:
    """Have asv write its JSON files whole.

    asv (0.6.6) opens the results file for writing and then fills it; killed in between, it leaves
    a file that no later command can read, with every earlier result of that commit in it.
    """
    from asv import util

    write_in_place = util.write_json
    if hasattr(write_in_place, "whole"):
        return

    def write_json(path: str, *args: Any, **kwargs: Any) -> None:
        with replacing(Path(path)) as temporary:
            write_in_place(str(temporary), *args, **kwargs)

    write_json.whole = True  # type: ignore[attr-defined]
    util.write_json = write_json
