"""Write a matplotlib figure whole, the same bytes for the same results."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from convbench.command_line.failure import MisuseError
from convbench.files.atomic import replacing


def save(figure: Figure, output: Path) -> None:
    """Write `figure`; the suffix of `output` (.svg, .png, .pdf) names the format.

    Raises
    ------
    MisuseError
        matplotlib cannot write the format.
    """
    form = output.suffix.removeprefix(".")
    if not form:
        raise MisuseError(f"cannot draw {output}: its name ends with no format, such as .svg")
    # No date, no random identifiers; text stays text.
    style: Any = {"svg.hashsalt": "fftconv", "svg.fonttype": "none"}
    metadata = {"Date": None} if output.suffix == ".svg" else None
    try:
        with mpl.rc_context(style), replacing(output) as temporary:
            figure.savefig(temporary, format=form, dpi=150, metadata=metadata)
    except ValueError as error:
        raise MisuseError(f"cannot draw {output}: {error}") from error
