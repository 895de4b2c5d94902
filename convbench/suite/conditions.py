"""What this suite's cells heed of the machine around them."""

from benchmarks.burner import burning as burning
from benchmarks.windows import DEADLINE_VARIABLE as DEADLINE_VARIABLE
from benchmarks.windows import PATIENCE_VARIABLE as PATIENCE_VARIABLE
