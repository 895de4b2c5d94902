"""What holds for every test: started by a git hook, it leaves the hook's repository alone.

Threads of OpenMP that have nothing to do sleep: those of several test processes share the cores,
and each that waits awake keeps another from its work.
"""

import os

from convbench.repository.environment import leave_callers_repository

leave_callers_repository()
os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # before torch is imported
