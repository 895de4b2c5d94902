"""One colour a method, on every page and picture, light and dark.

The backgrounds are tints that black, or in the dark white, text can be read on (a test computes
the contrast); no page relies on them, since each cell names its method.
"""

from collections.abc import Iterable
from dataclasses import dataclass

TEXT_LIGHT, TEXT_DARK = "#14181f", "#f2f4f8"
_KNOWN = ("native", "direct", "fft", "compiled", "overlap_save", "auto", "matmul")


@dataclass(frozen=True)
class Tint:
    """The colours of one method."""

    light: str
    """Background under `TEXT_LIGHT`."""
    dark: str
    """Background under `TEXT_DARK`."""
    line: str
    """For lines and marks, on white and on black."""


# After Okabe and Ito's palette, which the common forms of colour blindness can tell apart.
TINTS = (
    Tint("#f6d9a8", "#6b4a0a", "#c47f00"),
    Tint("#bfe0f5", "#1a4d6e", "#3d94c7"),
    Tint("#b5e5d3", "#0d5642", "#009e73"),
    Tint("#f3c9dd", "#6e2c4e", "#c76a9a"),
    Tint("#c4cdf2", "#2f3d80", "#5a70d6"),
    Tint("#f5c9b5", "#7a3410", "#d0601f"),
    Tint("#f1eba3", "#58520a", "#938a00"),
    Tint("#d9dbe0", "#474c57", "#7f8694"),
)


def tint_index(methods: Iterable[str]) -> dict[str, int]:
    """Give each method a place in `TINTS`: known ones always the same."""
    order = dict.fromkeys([*_KNOWN, *sorted(methods)])
    return {method: index % len(TINTS) for index, method in enumerate(order)}
