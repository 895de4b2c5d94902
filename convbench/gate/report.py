"""Everything that a reader of the verdicts has to know."""

from dataclasses import dataclass, field

from convbench.command_line.progress import clock
from convbench.gate.campaign import Campaign
from convbench.gate.outcome import INCONCLUSIVE, SLOWDOWN, exit_status
from convbench.gate.revisions import Revision
from convbench.instructions.comparison import Comparison
from convbench.stats.judging import Verdict
from convbench.suite.conditions import in_force, written


@dataclass
class Report:
    """A finished campaign, of what, and under what conditions."""

    campaign: Campaign
    base: Revision
    head: Revision
    warnings: list[str] = field(default_factory=list)
    instructions: list[Comparison] = field(default_factory=list)
    """Counts beside the times, where they were asked for."""

    @property
    def headline(self) -> str:
        """The answer, in a few words."""
        if self.campaign.interrupted:
            return "interrupted: not decided"
        status = exit_status(self.campaign)
        slower = sum(row.verdict is Verdict.SLOWDOWN for row in self.campaign.rows)
        of = f"{slower} of {len(self.campaign.rows)} cells"
        return {SLOWDOWN: f"slower: {of}", INCONCLUSIVE: "inconclusive"}.get(status, "not slower")

    @property
    def conditions(self) -> str:
        """How it was measured and what counts, in a sentence."""
        campaign, rules = self.campaign, self.campaign.rules
        settings = written(in_force())
        return (
            f"{len(campaign.pair_s)} pairs of processes in {clock(campaign.elapsed_s)} "
            f"(budget {clock(campaign.budget_s)}). A slowdown is significant, and larger than "
            f"{100 * rules.threshold:.3g}%. Chance of a false alarm, all cells and looks together: "
            f"at most {rules.alarm:.0%}; the intervals hold together as surely. "
            f"Seed {campaign.seed}.{f' Both under {settings}.' if settings else ''}"
        )
