"""What all cells together say."""

from convbench.command_line.failure import BROKEN
from convbench.gate.campaign import Campaign
from convbench.stats.judging import Verdict

NO_SLOWDOWN, SLOWDOWN = 0, 1
INCONCLUSIVE = BROKEN  # neither is a verdict
_COMPARED = (Verdict.SLOWDOWN, Verdict.SPEEDUP, Verdict.NONE)


def exit_status(campaign: Campaign) -> int:
    """Return the exit status: a slowdown outweighs what is inconclusive, that outweighs a pass."""
    verdicts = {row.verdict for row in campaign.rows}
    if Verdict.SLOWDOWN in verdicts:
        return SLOWDOWN
    if verdicts & {None, Verdict.INCONCLUSIVE, Verdict.FAILED}:
        return INCONCLUSIVE
    # Nothing was compared: nothing is known.
    return NO_SLOWDOWN if verdicts & set(_COMPARED) else INCONCLUSIVE
