"""The machine's limits: what is timed does the work that it is counted for."""

import itertools
import time

import numpy as np
import pytest
import torch

from benchmarks import limits, machine_code


@pytest.mark.parametrize("dtype", limits.DTYPES)
@pytest.mark.parametrize("vector_bytes", machine_code.VECTOR_BYTES)
@pytest.mark.parametrize("sums", machine_code.SUMS)
def test_every_sum_gets_every_multiply_add(dtype, vector_bytes, sums) -> None:
    found = machine_code.multiply_add_work(dtype, vector_bytes, sums, rounds=2)()
    assert found.dtype == dtype
    # Each step halves what is missing to 1; the steps of two rounds are what is counted.
    steps = machine_code.multiply_adds(dtype, vector_bytes, sums, 2) // found.size
    assert steps > 2
    np.testing.assert_array_equal(found, 1 - 0.5**steps)


@pytest.mark.parametrize(("dtype", "bits"), [("float32", 32), ("float64", 64)])
def test_the_sums_stay_in_registers_as_wide_as_named(dtype, bits) -> None:
    lanes = 128 // bits
    text = machine_code.multiply_add_code(dtype, 16, 12)
    assert text.count(f"call <{lanes} x ") == 12 * 4
    assembly = machine_code.assembly(text)
    loop = assembly.split("%loop", 1)[-1].split("%done", 1)[0]
    assert "sp)" not in loop  # nothing is spilled to the stack
    if "vfmadd" in assembly:  # x86 with fused multiply-add: at any width, one a step
        for vector_bytes, register in ((16, "%xmm"), (32, "%ymm")):
            code = machine_code.multiply_add_code(dtype, vector_bytes, 12)
            lines = [x for x in machine_code.assembly(code).splitlines() if "vfmadd" in x]
            assert len(lines) == 12 * 4
            assert all(register in line for line in lines)


def test_a_copy_moves_the_bytes_that_it_names() -> None:
    copied = machine_code.copy_work(1000, rounds=3)()
    assert copied.nbytes == 1000
    assert copied.all()


def test_threads_work_at_the_same_time_on_memory_of_their_own() -> None:
    made = []

    def make_work() -> machine_code.Work:
        work = machine_code.multiply_add_work("float32", 16, 12, rounds=1)
        made.append(work)
        return work

    assert machine_code.together_s(make_work, threads=3, samples=2) > 0
    assert len({work().ctypes.data for work in made}) == 3


def test_a_failure_in_a_thread_is_not_waited_for() -> None:
    turns = itertools.count()

    def make_work() -> machine_code.Work:
        if next(turns) == 1:
            raise MemoryError("no memory of its own")
        return lambda: None

    with pytest.raises(MemoryError):
        machine_code.together_s(make_work, threads=2, samples=2)


@pytest.mark.parametrize("size", limits.TRANSFORM_SIZES)
def test_transforms_are_of_as_many_images_as_counted(size) -> None:
    for call, count in limits.transform_calls("float32", size):
        spectra = call()
        # A complex image holds two real ones.
        pairs = spectra.shape[-1] == size
        assert spectra.shape[-1] == (size if pairs else size // 2 + 1)
        assert spectra.shape[0] * (2 if pairs else 1) == count


def test_the_limits_are_times(monkeypatch) -> None:
    monkeypatch.setattr(limits, "_SAMPLES", 1)
    monkeypatch.setattr(limits, "_MULTIPLY_ADD_BYTES", 2**16)
    monkeypatch.setattr(limits, "_SEARCH_S", 0.001)
    assert 0 < limits.multiply_add_s("float64") < 10
    assert 0 < limits.copy_s(2**14) < 1
    assert 0 < limits.transform_s("float64", 32) < 1


def test_the_fastest_call_counts() -> None:
    naps = itertools.chain([0.05, 0.05], itertools.repeat(0.0))

    def call() -> torch.Tensor:
        time.sleep(next(naps))
        return torch.empty(0)

    assert limits.fastest_s(call) < 0.04
