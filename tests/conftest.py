"""What holds for every test: started by a git hook, it leaves the hook's repository alone.

Threads of OpenMP that have nothing to do sleep: those of several test processes share the cores,
and each that waits awake keeps another from its work. OpenMP asks for it when torch is loaded; what
tests start sees nothing of it, for it is a setting that results are kept apart by.
"""

import os
from importlib import import_module

from convbench.repository.environment import leave_callers_repository

leave_callers_repository()
_POLICY = "OMP_WAIT_POLICY"
if _POLICY not in os.environ:
    os.environ[_POLICY] = "passive"
    import_module("torch")
    del os.environ[_POLICY]
