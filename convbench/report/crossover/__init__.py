"""Which method is fastest for which image and filter, and where the lead changes."""
