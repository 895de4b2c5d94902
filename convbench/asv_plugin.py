"""What asv does here besides its own: it loads this module by asv.conf.json's `plugins`."""

from pathlib import Path
from typing import Any

from asv.publishing import OutputPublisher
from asv.util import UserError

from convbench.atomic import make_asv_atomic
from convbench.offline import make_offline
from convbench.pages.publish import publish_pages
from convbench.store import StoreError

make_asv_atomic()


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
    """Add the pages that answer which method, how far from the limit, and at what error."""

    name = "pages"
    order = 20

    @classmethod
    def publish(cls, conf: Any, repo: Any, benchmarks: Any, graphs: Any, revisions: Any) -> None:
        """Write the pages and link to them from asv's navigation bar."""
        try:
            publish_pages(conf, benchmarks)
        except (StoreError, ValueError) as error:
            raise UserError(str(error)) from error
