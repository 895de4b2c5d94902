"""The style of pages: the sheet and the script beside this file, and the palette as CSS."""

from pathlib import Path

from convbench.drawing.palette import TEXT_DARK, TEXT_LIGHT, TINTS

ASSETS = Path(__file__).parent / "assets"


def tints_css() -> str:
    """Return the colours of the palette as CSS variables, for light and for dark."""
    light = "".join(f"--m{i}:{t.light};--l{i}:{t.line};" for i, t in enumerate(TINTS))
    dark = "".join(f"--m{i}:{t.dark};" for i, t in enumerate(TINTS))
    return (
        f":root{{--text:{TEXT_LIGHT};{light}}}\n"
        f"@media (prefers-color-scheme:dark){{:root{{--text:{TEXT_DARK};{dark}}}}}\n"
        + "".join(
            f".m{i}{{background:var(--m{i})}}.l{i}{{stroke:var(--l{i});fill:var(--l{i})}}\n"
            for i in range(len(TINTS))
        )
    )
