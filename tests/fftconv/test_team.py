"""How many threads are asked for, told by a clock that the test turns."""

import ctypes
import threading
from typing import Any

import pytest

import fftconv
from fftconv.machine_code import team
from fftconv.machine_code.team import (
    APART_NS,
    LATE_NS,
    LONGEST_REST_NS,
    Team,
)

LATE = 10 * LATE_NS


class Jobs:
    """A team at work, one of whom came late a moment ago, and the clock on its wall."""

    def __init__(self) -> None:
        self.team = Team()
        self.now = 1_000_000_000
        self.late()

    def late(self, waited_ns: int = LATE, wall_ns: int = LATE) -> None:
        """End a job whose first thread waited for its last."""
        self.team.tell(wall_ns, waited_ns, self.now)

    def rest_ns(self, threads: int = 2) -> int:
        """Let time pass until all threads are asked for; return how long that took."""
        start = self.now
        while self.team.size(threads, self.now) < threads:
            self.now += 1_000_000
        return self.now - start


@pytest.fixture
def jobs() -> Jobs:
    return Jobs()


def test_all_are_asked_until_one_is_late(jobs: Jobs) -> None:
    assert jobs.team.size(4, jobs.now) == 4
    assert not jobs.team.resting
    jobs.late(waited_ns=LATE_NS - 1, wall_ns=0)
    assert jobs.team.size(4, jobs.now) == 4


def test_one_that_is_late_once_is_asked_again() -> None:
    jobs = Jobs()
    assert not jobs.team.resting
    assert jobs.team.size(4, jobs.now) == 4


def test_late_ones_far_apart_say_nothing(jobs: Jobs) -> None:
    for long in (True, False):
        for _ in range(9):
            if long:
                jobs.late(waited_ns=0, wall_ns=APART_NS)  # one long job that ended in time
            else:
                jobs.team.in_time_ns += APART_NS  # many short ones
            jobs.late()
            assert not jobs.team.resting
    jobs.late(waited_ns=0, wall_ns=APART_NS - 1)
    jobs.late()
    assert jobs.team.resting


def test_a_second_late_one_is_done_without_for_a_while(jobs: Jobs) -> None:
    jobs.late()
    assert jobs.team.resting
    assert jobs.team.size(4, jobs.now) == 3
    assert jobs.team.size(4, jobs.now + LATE - 1) == 3
    assert jobs.team.size(4, jobs.now + LATE) == 4
    assert not jobs.team.resting


def test_the_pieces_of_a_long_job_take_long_themselves(jobs: Jobs) -> None:
    jobs.late(waited_ns=LATE, wall_ns=4 * LATE)
    assert not jobs.team.resting
    jobs.team.in_time_ns = 0
    jobs.late(waited_ns=LATE + LATE_NS, wall_ns=4 * LATE)
    assert jobs.team.resting


def test_two_that_are_late_are_both_left_out_but_never_all(jobs: Jobs) -> None:
    for asked in (3, 2, 1, 1):
        jobs.late()
        assert jobs.team.size(4, jobs.now) == asked


def test_each_rest_is_twice_as_long_up_to_a_limit_while_there_is_little_work_in_time(
    jobs: Jobs,
) -> None:
    rests = []
    for _ in range(9):
        jobs.late()
        rests.append(jobs.rest_ns())
        jobs.team.in_time_ns += APART_NS - 1
    wanted = [LATE << n for n in range(9)]
    assert rests == [min(rest, LONGEST_REST_NS) for rest in wanted]


def test_a_limit_of_ones_own_and_none(monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = Jobs()
    monkeypatch.setattr(team, "TEAM", jobs.team)
    jobs.late()
    assert fftconv.set_longest_rest(0.005) == LONGEST_REST_NS / 1e9
    assert jobs.team.size(4, jobs.now) == 4, "a rest that has begun ends"
    jobs.late()
    jobs.late()
    for _ in range(3):
        jobs.late()
        assert jobs.rest_ns() == 5_000_000
    assert fftconv.set_longest_rest(0) == 0.005
    assert fftconv.set_longest_rest(1e300) == 0  # longer than any process lives, and no overflow
    assert fftconv.set_longest_rest(10**400) >= 1e9
    assert fftconv.set_longest_rest(0) >= 1e9
    jobs.late()
    jobs.late()
    assert jobs.team.size(4, jobs.now) == 4


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        (-1, ValueError, "seconds must be 0 or more, and finite, got -1"),
        (float("nan"), ValueError, "got nan"),
        (float("inf"), ValueError, "got inf"),
        ("1", TypeError, "seconds must be a number, got str"),
        (True, TypeError, "got bool"),
        (None, TypeError, "got NoneType"),
    ],
)
def test_a_limit_that_is_none_is_one_line(given, error, said) -> None:
    with pytest.raises(error, match=said):
        fftconv.set_longest_rest(given)


def test_work_in_time_for_as_long_as_the_rest_makes_good(jobs: Jobs) -> None:
    for _ in range(4):
        jobs.late()
        longest = jobs.rest_ns()
    jobs.team.in_time_ns += longest - 1
    jobs.late()
    assert jobs.rest_ns() == 2 * longest, "not quite long enough"
    jobs.team.in_time_ns += 2 * longest
    jobs.late()
    assert not jobs.team.resting
    jobs.late()
    assert jobs.rest_ns() == LATE


def test_one_thread_alone_is_always_asked(jobs: Jobs) -> None:
    jobs.late()
    assert jobs.team.size(1, jobs.now) == 1


def test_a_shift_notes_when_the_caller_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three threads of a team, one after the other, whose numbers and ends are told."""
    numba = pytest.importorskip("numba")
    from fftconv.machine_code import placement, pool, shift
    from fftconv.machine_code.compiling import JOB

    ends, numbers = iter([500]), iter([2, 0, 1])
    clock = ctypes.CFUNCTYPE(ctypes.c_int64)(lambda: next(ends))
    number = ctypes.CFUNCTYPE(ctypes.c_int32)(lambda: next(numbers))
    compiler: Any = numba.cfunc(numba.types.void(JOB))
    monkeypatch.setattr(shift, "nanoseconds", clock)
    # Not kept on disk: the next process is to have the true clock.
    monkeypatch.setattr(shift, "compile_job", compiler)
    work = ctypes.c_int64(0)

    def count(job: Any) -> None:
        job[0] += 1

    function = compiler(count)
    threads = (ctypes.c_int64 * placement.REMEMBERED)()
    fields = (ctypes.c_int64 * shift.COUNT)()
    fields[shift.FUNCTION], fields[shift.JOB] = function.address, ctypes.addressof(work)
    fields[shift.NUMBER] = ctypes.cast(number, ctypes.c_void_p).value or 0
    fields[shift.MISSING], fields[shift.THREADS] = 3, ctypes.addressof(threads)
    fields[shift.CORES] = 1  # some may have slept; which of them asked is not among these
    run = shift.shift.__wrapped__()
    for _ in range(3):
        pool.CALL(run.address)(ctypes.addressof(fields))
    assert work.value == 3
    assert fields[shift.END] == 500, "the only one that looked at the clock is the caller"
    if placement.IS_KNOWN:
        assert fields[shift.MISSING] == 0
        assert list(threads[:2]) == [threading.get_native_id(), 0]


def test_the_caller_waits_for_its_team_and_knows_since_when(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A job whose caller is done before its other thread begins, or only after that has ended."""
    numba = pytest.importorskip("numba")
    import torch

    from fftconv.machine_code import pool, shift
    from fftconv.machine_code.compiling import JOB

    if pool.runner() is pool._python_threads:
        pytest.skip("this torch brings no OpenMP that can be called")
    told: list[tuple[int, int, int]] = []
    monkeypatch.setattr(pool.TEAM, "tell", lambda *figures: told.append(figures))
    monkeypatch.setattr(pool.TEAM, "_missing", 0)
    library = ctypes.CDLL(str(pool.Path(torch.__file__).parent / "lib" / "libtorch_cpu.so"))
    address = ctypes.cast(library.omp_get_thread_num, ctypes.c_void_p).value
    number, nanoseconds, add = shift.number, shift.nanoseconds, shift.add
    # So long that no slice of a scheduler's takes as long.
    pause_ns, given_up_ns = 200_000_000, 10_000_000_000

    def work(job: Any) -> None:
        """Note when this thread ends; the one that is named waits for that of the other first."""
        own = number(job[0])
        if own == job[1]:
            begun = nanoseconds()
            while add(job, 3 - own, 0) == 0 and nanoseconds() < begun + given_up_ns:
                pass
            seen = nanoseconds()
            while nanoseconds() < seen + pause_ns:
                pass
        job[2 + own] = nanoseconds()

    function: Any = numba.cfunc(numba.types.void(JOB))(work)
    for last in (1, 0):
        told.clear()
        job = (ctypes.c_int64 * 4)(address or 0, last, 0, 0)
        pool.runner()(function.address, ctypes.addressof(job), 2)
        ((wall_ns, waited_ns, end_ns),) = told
        assert wall_ns > 19_000_000
        caller_ns, other_ns = job[2], job[3]
        assert (other_ns > caller_ns) is (last == 1), "one of them gave up"
        assert caller_ns <= end_ns - waited_ns <= end_ns
        assert (end_ns - waited_ns < other_ns) is (last == 1)


def test_what_a_job_took_is_known_to_the_team(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that stands still but while the threads work."""
    numba = pytest.importorskip("numba")
    from fftconv.machine_code import pool
    from fftconv.machine_code.compiling import JOB

    # Beside so long a job none of these threads comes late, however busy the machine is.
    took = 1000, 100_000_000_000
    begun = 5, 9_000_000
    now = iter([begun[0], begun[0] + took[0], begun[1], begun[1] + took[1]])
    team = Team()
    team.in_time_ns = 0
    monkeypatch.setattr(pool, "TEAM", team)
    monkeypatch.setattr(pool, "now_ns", lambda: next(now))
    run = pool.runner.__wrapped__()
    if run is pool._python_threads:
        pytest.skip("this torch brings no OpenMP that can be called")
    compiler: Any = numba.cfunc(numba.types.void(JOB))
    nothing = compiler(lambda job: None)
    for expected in (took[0], sum(took)):
        run(nothing.address, 0, 2)
        assert team.in_time_ns == expected
    assert team.ended_ns == begun[1] + took[1]
