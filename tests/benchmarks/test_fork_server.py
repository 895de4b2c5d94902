"""asv's fork server, told when a cell has ended instead of asking for it."""

import subprocess
import sys

SCRIPT = """
import os, sys, time
sys.argv = ["benchmark.py", {role!r}]
import asv_runner.server
from benchmarks.fork_server import PatientClock, wait_patiently
wait_patiently()
clock = asv_runner.server.time
print(isinstance(clock, PatientClock))
if isinstance(clock, PatientClock):
    assert clock.perf_counter is time.perf_counter
    pid = os.fork()
    if pid == 0:
        import signal
        assert signal.getsignal(signal.SIGCHLD) is signal.SIG_DFL
        time.sleep(0.3)
        os._exit(7)
    asked = 0
    while True:  # as asv_runner.server does
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            break
        asked += 1
        clock.sleep(0.001)
    print(os.WEXITSTATUS(status), asked)
"""


def run(role: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(role=role)], capture_output=True, text=True, check=True
    )
    return done.stdout.split()


def test_it_sleeps_until_its_child_has_ended() -> None:
    found, status, asked = run("run_server")
    assert found == "True"
    assert status == "7"
    assert int(asked) <= 5, "300 times, if it asks each millisecond"


def test_other_processes_are_left_alone() -> None:
    assert run("run") == ["False"]
