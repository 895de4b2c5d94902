"""The package itself: what importing it costs, and what the other results were measured with."""

import torch

from benchmarks.cases import Case
from benchmarks.operands import measured_call


class Import:
    """Seconds of ``import fftconv`` in a new process."""

    version = "1"
    timeout = 120.0
    repeat = 3
    number = 1
    rounds = 1

    def timeraw_import(self) -> str:
        """Import the package and what it needs, torch first of all."""
        return "import fftconv"

    def timeraw_import_on_top_of_torch(self) -> tuple[str, str]:
        """Import the package where torch is there already."""
        return "import fftconv", "import torch"


class Reference:
    """What the figures of this suite stand on."""

    version = "1"

    def peakmem_nothing(self) -> None:
        """Peak memory of a process that differentiates an 8x8 image, which is next to nothing.

        Doing nothing at all would be too little: what a fork has not touched of torch's code is
        not in its memory, and every method touches that much (some 40 MB).
        """
        measured_call(Case("native", 8, 3), "backward")()

    peakmem_nothing.version = "2"  # type: ignore[attr-defined]

    def track_threads(self) -> int:
        """Threads that torch may use for one operation; OMP_NUM_THREADS sets it."""
        return torch.get_num_threads()

    track_threads.unit = "threads"  # type: ignore[attr-defined]
