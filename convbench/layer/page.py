"""A report of a layer as one HTML file that needs no other."""

from convbench.drawing.document import document, scroll
from convbench.drawing.markup import Content, Markup, element, table
from convbench.layer.checks.registry import CHECKS
from convbench.layer.conversion import MEANING, REGIONS, Split
from convbench.layer.finding import Finding, Outcome
from convbench.layer.places import Place
from convbench.layer.report import Report
from convbench.layer.text import split_title, timing_rows, verdict
from convbench.results.quantities import format_seconds

_WIDTH = 1100
_LETTER = 7.2
_QUESTIONS = {check.name: check.question for check in CHECKS} | {
    "reference": "Does the reference compute the same?",
    "time": "Can it be timed?",
    "profile": "Can it be profiled?",
}
_CLASSES = {
    Outcome.PASS: "m2",
    Outcome.FAIL: "m5",
    Outcome.UNSURE: "m6",
    Outcome.NONE: "m7",
}
_TIMES = (
    "Calls took turns, in an order drawn by lot. Forward is as in training; backward computes the "
    "gradients of all inputs and parameters. Medians and their intervals are those of Wilcoxon's "
    "signed ranks, at 95%; a ratio is that of calls of the same round. Where intervals are wide, "
    "the machine was busy, and another run may say more."
)
_SPLIT = (
    "Calls were profiled one by one; shown is that of median duration. What a library calls counts "
    "as the library's. A profile makes Python slower, so that the parts of short calls are rather "
    "too large."
)


def _code(place: Place | None) -> Markup | None:
    if place is None:
        return None
    return element(
        "p",
        element("code", str(place), class_="at"),
        " ",
        element("code", place.code),
        class_="line",
    )


def _finding(finding: Finding) -> Markup:
    outcome = element("span", finding.outcome.value, class_=f"outcome {_CLASSES[finding.outcome]}")
    question = _QUESTIONS.get(finding.check, "")
    mend = finding.mend and element("p", element("b", "To mend it: "), finding.mend)
    return element(
        "tr",
        element("th", finding.check, scope="row"),
        element("td", outcome),
        element(
            "td",
            element("p", question, class_="question"),
            element("p", finding.said),
            _code(finding.place),
            mend or None,
        ),
    )


def _findings(report: Report) -> Markup:
    head = element("tr", *[element("th", t, scope="col") for t in ("check", "outcome", "finding")])
    rows = [_finding(finding) for finding in report.findings]
    made = element("table", element("thead", head), element("tbody", *rows), class_="findings")
    heading = element("h2", f"What it does to the rest of torch: {verdict(report)}")
    return element("section", heading, scroll(made))


def _times(report: Report) -> Markup | None:
    if not report.timings:
        return None
    count = 2 if report.reference is None else 4
    head: list[Content] = ["direction", "layer", "reference", "layer / reference"]
    rows: list[list[Content]] = [list(row[:count]) for row in timing_rows(report)]
    title = "What it takes" + (f", beside {report.reference}" if report.reference else "")
    made = table(head[:count], rows, class_="plain")
    return element("section", element("h2", title), scroll(made), element("p", _TIMES))


def _bar(split: Split) -> Markup:
    """Return the regions one after the other, as wide as their shares."""
    parts: list[Content] = []
    x = 0.0
    for index, region in enumerate(REGIONS):
        width = split.share(region) * _WIDTH
        text = f"{region} {split.share(region):.0%}"
        label = None
        if len(text) * _LETTER + 10 < width:
            label = element("text", text, x=f"{x + 6:.1f}", y=22)
        box = element(
            "rect", x=f"{x:.1f}", y=0, width=f"{width:.1f}", height=34, class_=f"f{index}"
        )
        parts.append(element("g", element("title", text), box, label))
        x += width
    return element("svg", *parts, viewBox=f"0 0 {_WIDTH} 34", class_="plot", aria_hidden="true")


def _split(split: Split | None) -> Markup | None:
    if split is None:
        return None
    head: list[Content] = ["part", "time", "share", "what it is"]
    rows: list[list[Content]] = [
        [
            element("span", region, class_=f"key m{index}"),
            format_seconds(split.seconds[region]),
            f"{split.share(region):.1%}",
            MEANING[region],
        ]
        for index, region in enumerate(REGIONS)
    ]
    lines: list[list[Content]] = [
        [
            element("code", f"{place}" if place is not None else "-"),
            element("code", name),
            str(count),
            format_seconds(seconds),
            f"{seconds / split.total_s:.1%}",
            element("code", place.code) if place is not None else "",
        ]
        for place, name, count, seconds in split.costly()
    ]
    columns: list[Content] = ["line", "call", "times", "together", "share", "code"]
    conversions = table(columns, lines, class_="plain left last")
    text = split_title(split)
    return element(
        "section",
        element("h2", text[0].upper() + text[1:]),
        _bar(split),
        scroll(table(head, rows, class_="plain left last")),
        element("p", _SPLIT),
        *((element("h3", "Conversions, the longest first"), scroll(conversions)) if lines else ()),
    )


def _facts(report: Report) -> Markup:
    pairs = [
        element("div", element("dt", name), element("dd", value))
        for name, value in report.conditions
    ]
    return element("dl", *pairs, class_="conditions")


def _css() -> str:
    regions = "".join(f".f{i}{{fill:var(--m{i})}}" for i in range(len(REGIONS)))
    return regions + (
        ".plot text{font-size:13px}"
        "h1,h2{overflow-wrap:anywhere}.plot{margin-bottom:.5rem}"
        ".left th:first-child,.left th:last-child{text-align:left}"
        ".last td:last-child{text-align:left;white-space:normal}"
        ".key{padding:0 .4rem;border-radius:3px}"
        "code{font:.85em ui-monospace,monospace}"
        ".findings th,.findings td{border:1px solid var(--rule);padding:.35rem .6rem;"
        "text-align:left;vertical-align:top;font-weight:400}"
        ".findings thead th{background:var(--bar);font-weight:600}"
        ".findings tbody th{font-weight:600;white-space:nowrap}"
        ".findings p{margin:.1rem 0}.question{color:var(--quiet);font-size:.85rem}"
        ".outcome{display:inline-block;min-width:4rem;text-align:center;padding:0 .5rem;"
        "border-radius:3px;font-weight:600}"
        ".line{overflow-wrap:anywhere}.line code{background:var(--bar);padding:0 .3rem}"
        ".line .at{background:none;padding:0;color:var(--quiet)}"
    )


def page(report: Report) -> str:
    """Return the page of a report."""
    return document(
        f"What leaving torch costs: {report.subject.name}",
        _css(),
        element("p", report.title, class_="lead"),
        _code(report.place),
        _facts(report),
        _times(report),
        _split(report.split),
        _findings(report),
    )
