"""What this suite's cells heed of the machine around them."""

from benchmarks.burner import burning as burning
from benchmarks.cases import BUDGET_VARIABLE as BUDGET_VARIABLE
from benchmarks.quota import cores_allowed as cores_allowed
from benchmarks.quota import periods_throttled as periods_throttled
from benchmarks.registered import modules
from benchmarks.settings import in_force as in_force
from benchmarks.settings import written as written
from benchmarks.windows import DEADLINE_VARIABLE as DEADLINE_VARIABLE
from benchmarks.windows import PATIENCE_VARIABLE as PATIENCE_VARIABLE
from benchmarks.windows import SLOWDOWN as SLOWDOWN
from benchmarks.windows import TOLERANCE as TOLERANCE


def method_modules() -> list[str]:
    """Return the modules with methods of somebody's that the cells import."""
    return modules()
