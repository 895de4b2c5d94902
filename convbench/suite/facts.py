"""The names of this suite: its package, its benchmarks, the cells that stand for it."""

PACKAGE = "fftconv"
"""What is measured: the importable name, and the folder of the repository that holds it."""

FORWARD = "conv2d.Forward.time_forward"
BACKWARD = "conv2d.Backward.time_backward"
"""What answers "which method?"."""

GATE_CELLS = (
    r"^conv2d\.(Forward|Backward)\.\w+"
    r"\('(fft|native|compiled|overlap_save)', 'all', 256, 15\)"
)
"""A middle cell of each method, where no others are named."""

# A call of 0.2 ms: a percent of the calls is one or so in each block, an even slowdown.
POWER_CELL = "conv2d.Forward.time_forward('fft', 'all', 64, 3)"
"""What the study of known slowdowns measures, where nothing else is named."""

REFERENCE_CELLS = r"^limits\.|\('native', |^peers\.\w+\.\w+\('(?!auto')"
"""Cells of code that is not this project's: if they all step up, it was the machine."""

UNSAID = "'all'"
"""A parameter that a cell may be named without: as it was before threads became one."""

HOST_MARGIN = 0.05
"""A step that exceeds the machine's own by no more than this is not named."""

COUNTED_CELLS = r"\.peakmem_|\.track_error|^instructions\."
"""Cells whose values are no times and repeat: asv's thresholds serve them well."""
