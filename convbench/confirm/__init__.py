"""Each step that asv's page of regressions would name, measured again: both commits, that cell."""
