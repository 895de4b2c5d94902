"""Text on every tint can be read, and every method has a colour."""

import pytest

from convbench.drawing.palette import TEXT_DARK, TEXT_LIGHT, TINTS, tint_index


def _luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: str, second: str) -> float:
    light, dark = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("tint", TINTS)
def test_contrast(tint) -> None:
    assert contrast(tint.light, TEXT_LIGHT) >= 7
    assert contrast(tint.dark, TEXT_DARK) >= 6
    # Lines and marks on the pages' backgrounds: 3 is WCAG's minimum for graphics.
    assert contrast(tint.line, "#ffffff") >= 3
    assert contrast(tint.line, "#15181d") >= 3


def test_contrast_is_wcags() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_known_methods_keep_their_colour_whatever_else_was_measured() -> None:
    assert tint_index(["fft"])["fft"] == tint_index(["another", "fft", "native"])["fft"]
    assert len(set(tint_index(["a", "b"]).values())) == len(TINTS)
