"""What asv does besides its own: it loads this module by the `plugins` of an asv.conf.json.

In any project's it serves the pages without a network, and has the page of regressions name what is
confirmed. The rest is of this repository's suite.
"""

from pathlib import Path
from typing import Any

from asv.console import log
from asv.publishing import OutputPublisher
from asv.util import UserError

from convbench.asv.atomic_json import make_asv_atomic
from convbench.asv.first_commits import known_commits
from convbench.asv.offline import make_offline
from convbench.asv.selection import make_asv_sample_together
from convbench.asv.settings import make_asv_know_settings
from convbench.confirm.publishing import Confirmed
from convbench.repository.environment import leave_callers_repository
from convbench.results.keeping import make_asv_keep_reasons
from convbench.results.store import StoreError
from convbench.suite import elsewhere
from convbench.suite.conditions import in_force
from convbench.suite.facts import COUNTED_CELLS, HOST_MARGIN, REFERENCE_CELLS
from convbench.suite.place import is_elsewhere

leave_callers_repository()
make_asv_atomic()
if not is_elsewhere():
    make_asv_keep_reasons()
    make_asv_sample_together()
    make_asv_know_settings(in_force())


class FirstCommits(OutputPublisher):  # type: ignore[misc]  # asv has no annotations
    """Look for regressions in clones that lack a commit which asv.conf.json names."""

    name = "first commits"
    order = 1  # before asv's regressions, which end with a traceback at an unknown commit

    @classmethod
    def publish(cls, conf: Any, repo: Any, benchmarks: Any, graphs: Any, revisions: Any) -> None:
        """Have asv look from the start of what there is, where the commit is unknown."""
        known = known_commits(conf.regressions_first_commits, repo)
        for pattern in conf.regressions_first_commits.keys() - known.keys():
            log.warning(f"this clone lacks the commit from which on {pattern} is looked at")
        conf.regressions_first_commits = known


class ConfirmedSteps(OutputPublisher):  # type: ignore[misc]  # asv has no annotations
    """Have asv's page of regressions name what the gate has confirmed."""

    name = "confirmed steps"
    order = 5  # after asv's regressions

    @classmethod
    def publish(cls, conf: Any, repo: Any, benchmarks: Any, graphs: Any, revisions: Any) -> None:
        """Rewrite the list of regressions, and show the others below it."""
        try:
            steps = Confirmed(conf, repo, benchmarks, graphs, revisions)
            if is_elsewhere():
                steps.publish(elsewhere.NO_CELLS, HOST_MARGIN, elsewhere.COUNTED_CELLS)
            else:
                steps.publish(REFERENCE_CELLS, HOST_MARGIN, COUNTED_CELLS)
        except (StoreError, ValueError) as error:
            raise UserError(str(error)) from error


class Offline(OutputPublisher):  # type: ignore[misc]  # asv has no annotations
    """Let the published pages work without a network."""

    name = "offline"
    order = 10

    @classmethod
    def publish(cls, conf: Any, repo: Any, benchmarks: Any, graphs: Any, revisions: Any) -> None:
        """Serve the pages' scripts and styles from the published folder."""
        try:
            make_offline(Path(conf.html_dir))
        except ValueError as error:
            raise UserError(str(error)) from error


class Pages(OutputPublisher):  # type: ignore[misc]  # asv has no annotations
    """Add this suite's pages: which method, how far from the limit, and at what error."""

    name = "pages"
    order = 20

    @classmethod
    def publish(cls, conf: Any, repo: Any, benchmarks: Any, graphs: Any, revisions: Any) -> None:
        """Write the pages and link to them from asv's navigation bar."""
        if is_elsewhere():
            return
        from convbench.report.pages.publish import publish_pages

        try:
            publish_pages(conf, benchmarks)
        except (StoreError, ValueError) as error:
            raise UserError(str(error)) from error
