"""Do the numbers come again: one commit measured in separate runs, and `auto` beside what it is."""
