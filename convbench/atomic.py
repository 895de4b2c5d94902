"""Whole files only: write beside the target, then rename, so that a kill leaves the old file."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Give a path to write to; move it onto `target` if the block ends well, else remove it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    # The suffix stays the target's: matplotlib tells the format by it.
    descriptor, name = tempfile.mkstemp(
        dir=target.parent, prefix=f".{target.stem}-", suffix=target.suffix
    )
    os.close(descriptor)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o666 & ~_umask())  # mkstemp's files are their owner's alone
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def make_asv_atomic() -> None:
    """Have asv write its JSON files whole.

    asv (0.6.6) opens the results file for writing and then fills it; killed in between, it leaves
    a file that no later command can read, with every earlier result of that commit in it.
    """
    from asv import util

    write_in_place = util.write_json

    def write_json(path: str, *args: Any, **kwargs: Any) -> None:
        with replacing(Path(path)) as temporary:
            write_in_place(str(temporary), *args, **kwargs)

    util.write_json = write_json
