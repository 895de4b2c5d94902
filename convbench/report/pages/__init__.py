"""Pages of our own inside the report that `asv publish` writes."""
