"""What holds for every test: started by a git hook, it leaves the hook's repository alone."""

from convbench.repository.environment import leave_callers_repository

leave_callers_repository()
