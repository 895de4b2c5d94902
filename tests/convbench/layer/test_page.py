"""The page has everything that the terminal has, and needs no other file."""

import re

from rich.console import Console

from convbench.layer.finding import Outcome
from convbench.layer.page import page
from convbench.layer.text import finding_table, heading, split_table, timing_table


def plain(markup: str) -> str:
    text = re.sub(r"<[^>]+>", " ", markup.partition("</style>")[2])
    for name, character in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&#x27;", "'")):
        text = text.replace(name, character)
    return text.replace("&amp;", "&")


def test_each_finding_stands_in_the_page_with_its_line_and_how_to_mend_it(scipy_report) -> None:
    text = plain(page(scipy_report))
    for finding in scipy_report.findings:
        assert finding.said in text
        assert finding.mend in text
        if finding.place is not None:
            assert str(finding.place) in text
            assert finding.place.code in text
    assert any(finding.outcome is Outcome.FAIL for finding in scipy_report.findings)
    for word in ("NativeConv2d(3, 3)", "from_numpy", "10x12, float32", "conversion", "threads"):
        assert word in text


def test_the_page_needs_no_other_file_and_knows_the_dark(scipy_report) -> None:
    made = page(scipy_report)
    assert "http" not in made.replace("https://pytorch.org/docs", "")
    assert not re.search(r"<(script|img|link rel=\"stylesheet\")", made)
    assert "prefers-color-scheme:dark" in made.replace(" ", "")


def test_what_a_layer_says_is_escaped(scipy_report) -> None:
    made = page(scipy_report)
    assert "mode=&#x27;valid&#x27;" in made


def test_the_terminal_has_the_same(fft_report, capsys) -> None:
    console = Console(width=1000)
    assert fft_report.split is not None
    console.print(heading(fft_report))
    for table in (
        timing_table(fft_report),
        split_table(fft_report.split),
        finding_table(fft_report),
    ):
        console.print(table)
    text = capsys.readouterr().out
    for finding in fft_report.findings:
        assert finding.said in text
        assert finding.mend in text
        if finding.place is not None:
            assert f"{finding.place}: {finding.place.code}" in text
    assert f"{fft_report.faults} of" in text
    assert "fftconv:fft_magnitude" in text


def test_a_layer_without_a_reference_has_no_ratio(fft_report) -> None:
    from dataclasses import replace

    alone = replace(
        fft_report,
        reference=None,
        timings=[replace(timing, reference=None) for timing in fft_report.timings],
    )
    text = plain(page(alone))
    assert "layer / reference" not in text
    assert len(timing_table(alone).columns) == 2
