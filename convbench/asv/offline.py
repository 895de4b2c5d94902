"""Make asv's pages self-contained: serve their scripts and styles from the published folder.

asv's `index.html` loads jquery, flot, bootstrap and others from content delivery networks, and
shows an error page where there are none. `vendor` beside this file holds the same files, each
beside its licence.
"""

import re
import shutil
from pathlib import Path

from convbench.files.atomic import replacing

VENDOR = Path(__file__).parent / "vendor"
FOLDER = "vendor"

_REMOTE_TAG = re.compile(
    r"""<(?:script|link)\b[^>]*?\b(?P<attribute>src|href)="https?://[^"]*/(?P<file>[^"/]+)"[^>]*>"""
)


def _local_files() -> dict[str, str]:
    """Map each vendored file's name, less `.min`, to where it will lie in the published folder."""
    return {
        path.name.replace(".min.", "."): f"{FOLDER}/{path.relative_to(VENDOR).as_posix()}"
        for path in sorted(VENDOR.rglob("*"))
        if path.suffix in {".js", ".css"}
    }


def localize(page: str) -> str:
    """Return the HTML `page` with its remote scripts and styles replaced by the vendored ones.

    Raises
    ------
    ValueError
        The page asks for a file that is not vendored, or for none at all: this version of asv
        is laid out otherwise than the one that this was written for.
    """
    local = _local_files()

    def replace(match: re.Match[str]) -> str:
        name = match["file"].replace(".min.", ".")
        if name not in local:
            raise ValueError(f"asv's page loads {match['file']}, which {VENDOR} does not hold")
        if match["attribute"] == "href":
            return f'<link rel="stylesheet" href="{local[name]}">'
        return f'<script src="{local[name]}">'

    result, count = _REMOTE_TAG.subn(replace, page)
    if count == 0:
        raise ValueError("asv's page loads no remote script: it is laid out in a new way")
    return result


def make_offline(html_dir: Path) -> None:
    """Rewrite ``html_dir/index.html`` and put the files that it needs beside it."""
    index = html_dir / "index.html"
    text = localize(index.read_text(encoding="utf-8"))
    with replacing(index) as temporary:
        temporary.write_text(text, encoding="utf-8")
    shutil.copytree(VENDOR, html_dir / FOLDER, dirs_exist_ok=True)
