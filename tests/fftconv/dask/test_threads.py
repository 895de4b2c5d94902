"""Tasks at once never use more threads than there are cores, and leave torch's number alone."""

import threading
from collections.abc import Iterator
from functools import partial
from typing import Any

import dask
import dask.array as da
import numpy as np
import pytest
import torch
from distributed import Client, LocalCluster

import fftconv.dask
from fftconv.dask import threads, work
from fftconv.methods.maps import Maps

WEIGHT = np.ones((1, 1, 3, 3), "f4")


@pytest.fixture
def used(monkeypatch) -> list[int]:
    """Return what becomes the threads that each task computes with."""
    numbers: list[int] = []
    prepared = work.prepared

    def noted(*arguments: Any) -> Maps:
        numbers.append(torch.get_num_threads())
        return prepared(*arguments)

    monkeypatch.setattr(work, "prepared", noted)
    return numbers


@pytest.fixture
def four_cores() -> Iterator[None]:
    """Let torch have four threads wherever nobody has said otherwise."""
    before = threads._elsewhere(torch.get_num_threads)
    threads._elsewhere(partial(torch.set_num_threads, 4))
    yield
    threads._elsewhere(partial(torch.set_num_threads, before))


def result() -> da.Array:
    return fftconv.dask.conv2d(da.ones((1, 80, 80), chunks=(1, 20, 20), dtype="f4"), WEIGHT)


@pytest.mark.parametrize(("workers", "each"), [(1, 4), (2, 2), (3, 1), (4, 1), (9, 1)])
def test_the_threaded_scheduler_shares_the_cores(four_cores, used, workers, each) -> None:
    with dask.config.set(scheduler="threads", num_workers=workers):
        result().compute()
    assert set(used) == {each}


def test_the_synchronous_scheduler_leaves_all_to_each_task(four_cores, used) -> None:
    result().compute(scheduler="synchronous")
    assert set(used) == {4}


def test_a_pool_of_the_users_shares_the_cores(four_cores, used) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(2) as pool, dask.config.set(pool=pool):
        result().compute()
    assert set(used) == {2}


def test_torchs_number_of_threads_is_left_alone(four_cores) -> None:
    before = torch.get_num_threads()
    with dask.config.set(scheduler="threads", num_workers=4):
        result().compute()
    assert torch.get_num_threads() == before
    assert threads._elsewhere(torch.get_num_threads) == 4


def test_a_limit_is_of_one_thread_alone(four_cores) -> None:
    inside: list[int] = []
    ready, done = threading.Event(), threading.Event()

    def other() -> None:
        ready.wait()
        inside.append(torch.get_num_threads())
        done.set()

    thread = threading.Thread(target=other)
    thread.start()
    with threads.limited(3):
        ready.set()
        done.wait()
        assert torch.get_num_threads() == 3
    thread.join()
    assert inside == [4]


# distributed's own threads may still hold a socket for a moment after it is closed.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(("workers", "threads_each", "each"), [(1, 2, 2), (2, 1, 2), (2, 2, 1)])
def test_workers_of_one_process_share_the_cores(
    four_cores, used, workers, threads_each, each
) -> None:
    with (
        LocalCluster(
            n_workers=workers, threads_per_worker=threads_each, processes=False,
            dashboard_address=None,
        ) as cluster,
        Client(cluster),
    ):  # fmt: skip
        made = result().compute()
    assert set(used) == {each}
    np.testing.assert_array_equal(made, np.full((1, 78, 78), 9, "f4"))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_workers_with_processes_of_their_own_give_the_same(tmp_path) -> None:
    import zarr

    values = np.random.default_rng(0).standard_normal((1, 80, 90)).astype("f4")
    stored = zarr.open_array(
        str(tmp_path / "x.zarr"), mode="w", shape=values.shape, chunks=(1, 20, 30), dtype="f4"
    )
    stored[:] = values
    weight, g = np.ones((2, 1, 3, 5), "f4"), np.ones((2, 78, 86), "f4")
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        numbers = client.run(threads.share)  # outside of tasks: what the process has
        y = fftconv.dask.conv2d(stored, weight, np.ones(2, "f4"), chunks=40).compute()
        lazy, grad = da.from_array(values, chunks=(1, 31, 31)), da.from_array(g, chunks=(2, 40, 40))
        gw = fftconv.dask.grad_weight(lazy, grad, (3, 5)).compute()
    assert set(numbers.values()) == {1}  # distributed sets OMP_NUM_THREADS
    x, w = torch.from_numpy(values), torch.from_numpy(weight).requires_grad_()
    expected = torch.nn.functional.conv2d(x, w, torch.ones(2))
    (expected_gw,) = torch.autograd.grad(expected, w, torch.from_numpy(g))
    np.testing.assert_allclose(y, expected.detach(), atol=1e-5)
    np.testing.assert_allclose(gw, expected_gw, rtol=1e-4, atol=1e-3)
