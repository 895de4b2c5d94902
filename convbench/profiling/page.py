"""A profile, or two side by side, as one HTML file that needs no other."""

from pathlib import Path

from convbench.drawing.document import document, scroll
from convbench.drawing.markup import Content, Markup, element, join, table
from convbench.limits.bound import DEFINITION
from convbench.profiling.charts import flame_graph, memory_chart, phase_bar
from convbench.profiling.phases import MEANING, PHASES
from convbench.profiling.runner import Profile
from convbench.profiling.text import difference_rows, new_memory
from convbench.results.quantities import format_bytes, format_count, format_seconds

_NOTE = (
    "The phases are those of the traced call of median duration. Tracing makes Python slower, so "
    "that the traced call takes longer than the median of the calls that nothing traced. A part "
    "belongs to the phase that its own name tells, or that of the part around it. Operations and "
    "bytes are what the recorded sizes amount to; of the limit: the least time for them on this "
    "machine, as measured just before, divided by the time taken."
)


def _phase_rows(profile: Profile) -> Markup:
    head: list[Content] = [
        "phase",
        "time",
        "share",
        "operations",
        "bytes",
        "of the limit",
        "what it is",
    ]
    rows: list[list[Content]] = []
    for phase in profile.phases:
        if phase.events:
            fraction = phase.fraction
            rows.append(
                [
                    phase.name,
                    format_seconds(phase.time_s),
                    f"{phase.time_s / profile.traced_s:.1%}",
                    format_count(phase.flops, "FLOP") if phase.flops else "-",
                    format_bytes(phase.bytes) if phase.bytes else "-",
                    "-" if fraction is None else f"{fraction:.1%}",
                    MEANING[phase.name],
                ]
            )
    return table(head, rows, class_="plain phases")


def _facts(profile: Profile) -> Markup:
    limit = profile.limit
    facts = [
        *profile.conditions,
        ("median call", f"{format_seconds(profile.median_s)} of {len(profile.times_s)} calls"),
        ("fastest call", format_seconds(min(profile.times_s))),
        ("traced call", format_seconds(profile.traced_s)),
        ("first call", format_seconds(profile.first_call_s)),
        ("limit", f"{format_seconds(limit.seconds)} ({limit.limited_by})"),
        ("reached", f"{profile.fraction:.1%} of the limit"),
        ("peak memory of a call", format_bytes(profile.memory.peak_bytes)),
        ("new memory", new_memory(profile)),
    ]
    pairs = [element("div", element("dt", name), element("dd", value)) for name, value in facts]
    return element("dl", *pairs, class_="conditions")


def _body(profile: Profile, files: str, longest_s: float, role: str = "") -> Markup:
    return element(
        "section",
        element("h2", f"{role}{profile.spec.title}"),
        _facts(profile),
        phase_bar(profile.phases, longest_s),
        scroll(_phase_rows(profile)),
        element("h3", "Flame graph of one call"),
        scroll(flame_graph(profile.call)),
        element(
            "p",
            join(
                "To zoom: open ",
                element(
                    "a", "flamegraph.speedscope.json", href=f"{files}flamegraph.speedscope.json"
                ),
                " in speedscope, or ",
                element("a", "trace.json", href=f"{files}trace.json"),
                " in Perfetto.",
            ),
        ),
        element("h3", "Memory over time, beyond what the process held before"),
        memory_chart(profile.memory),
    )


def _difference(baseline: Profile, contender: Profile) -> Markup:
    head: list[Content] = ["phase", "baseline", "contender", "difference", "ratio"]
    rows: list[list[Content]] = [list(row) for row in difference_rows(baseline, contender)]
    names = [
        element("p", f"{label}: {p.spec.title} ({p.commit})")
        for label, p in (("Baseline", baseline), ("Contender", contender))
    ]
    made = table(head, rows, class_="plain")
    note = element("p", "Ratio: contender divided by baseline; above 1 is slower.")
    return element("section", element("h2", "Difference by phase"), *names, scroll(made), note)


def _css() -> str:
    phases = "".join(f".f{i}{{fill:var(--m{i})}}" for i in range(len(PHASES)))
    return phases + (
        ".plot text{font-size:12px}.flames{min-width:50rem}"
        ".phases :is(td,th):last-child{text-align:left}"
        ".flames rect{stroke:var(--page)}"
        ".call{fill:var(--rule)}.curve{fill:none;stroke:var(--link);stroke-width:1.5}"
    )


def _document(title: str, *content: Content) -> str:
    keys = [element("li", name, class_=f"m{index}") for index, name in enumerate(PHASES)]
    legend = element("ul", *keys, class_="legend", aria_label="Colour of each phase")
    about = element("section", element("h2", "How to read this"), legend, element("p", _NOTE))
    return document(title, _css(), *content, about, element("p", DEFINITION))


def profile_page(profile: Profile) -> str:
    """Return the page of one profile, which links to the files beside it."""
    return _document("Profile of one cell", _body(profile, "", profile.traced_s))


def comparison_page(
    baseline: tuple[Profile, Path], contender: tuple[Profile, Path], folder: Path
) -> str:
    """Return the page of two profiles, each with the folder of its files."""
    both = (baseline, contender)
    longest = max(profile.traced_s for profile, _ in both)
    bodies = [
        _body(p, f"{files.relative_to(folder).as_posix()}/", longest, f"{role}: ")
        for role, (p, files) in zip(("Baseline", "Contender"), both, strict=True)
    ]
    return _document("Two profiles", _difference(baseline[0], contender[0]), *bodies)
