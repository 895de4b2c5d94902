"""The history: the last commits, as far as this machine has no results of them."""
