"""The judge: runs the suite, reads its results, decides, draws, publishes.

Two doors: `__main__` (``convbench COMMAND``) and `asv_plugin`, which asv loads. Behind
them a room for each question, imported downward only (pyproject.toml has the order):

| to change | open |
| --- | --- |
| what the gate says of two commits | `gate/`; by which statistics, `stats/` |
| how often it and others are right | `power/` |
| which old commits are measured | `backfill/` |
| the same on a cluster | `sweep/` |
| tables, charts, maps and pages of this suite's results | `report/` |
| where the time of one cell goes | `profiling/` |
| how instructions are counted and compared | `instructions/` |
| in which pieces the suite is measured | `measuring/` |
| what a machine can do at best | `limits/` |
| colours, markup, styles | `drawing/` |
| how results are read and named | `results/` |
| how asv is run, and mended | `asv/` |
| how two commits of any project are built by asv | `building/` |
| how git is asked | `repository/` |
| how files are written | `files/` |
| values of options, failures, progress | `command_line/` |
| what is only so in this suite | `suite/` |

`stats`, `command_line`, `files`, `repository`, `asv`, `building`, `measuring`, `gate`, `confirm`,
`repeat`, `power`, `backfill` and `sweep` serve any asv suite: of this one they know what `suite`
tells them. `report`, `profiling`, `limits` and `instructions` read this suite.
"""
