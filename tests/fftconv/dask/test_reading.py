"""A task reads exactly its window: from the chunks of its neighbours, or straight from storage."""

import dask
import dask.array as da
import numpy as np
import pytest
import torch
import zarr

import fftconv.dask
from fftconv.dask.axis import adjoint, places, window
from fftconv.dask.sources import storage

WEIGHT = np.ones((1, 1, 5, 5), "f4")


class Counting:
    """An array in storage that remembers what is read of it."""

    def __init__(self, values: np.ndarray, chunks: tuple[int, ...] | None) -> None:
        self.values, self.chunks = values, chunks
        self.shape, self.dtype, self.ndim = values.shape, values.dtype, values.ndim
        self.read: list[tuple[slice, ...]] = []

    def __getitem__(self, at: tuple[slice, ...]) -> np.ndarray:
        self.read.append(at)
        return self.values[at]


def image(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape).astype("f4")


def test_a_block_reads_its_window_from_storage_and_nothing_else() -> None:
    stored = Counting(image(1, 100, 100), (1, 10, 10))
    y = fftconv.dask.conv2d(stored, WEIGHT, padding=2, chunks=50)
    y[:, 50:, :50].compute()
    assert stored.read == [(slice(0, 1), slice(48, 100), slice(0, 52))]


def test_storage_in_one_piece_is_read_by_windows_of_blocks() -> None:
    stored = Counting(image(1, 100, 100), None)
    with dask.config.set({"array.chunk-size": 4 * 50 * 50}):
        y = fftconv.dask.conv2d(stored, WEIGHT, padding=2)
    whole = fftconv.dask.conv2d(da.from_array(stored.values), WEIGHT, padding=2)
    np.testing.assert_allclose(y.compute(), whole.compute(), rtol=1e-5, atol=1e-5)
    assert len(stored.read) == y.npartitions > 1


def test_tasks_compute_on_the_cpu_whatever_torchs_default_device_is() -> None:
    x, weight = image(16, 40, 40), image(16, 16, 5, 5)
    lazy = fftconv.dask.conv2d(da.from_array(x, chunks=(16, 20, 20)), weight, method="overlap_save")
    with torch.device("meta"), dask.config.set(scheduler="sync"):
        y = lazy.compute()
    expected = torch.conv2d(torch.from_numpy(x)[None], torch.from_numpy(weight))[0]
    np.testing.assert_allclose(y, expected.numpy(), atol=1e-3)


def test_borders_that_repeat_the_other_side_read_both_sides() -> None:
    stored = Counting(image(1, 100, 100), (1, 10, 10))
    y = fftconv.dask.conv2d(stored, WEIGHT, padding=2, chunks=50, padding_mode="circular")
    y[:, :50, :50].compute()
    sides = [slice(0, 52), slice(98, 100)]
    assert stored.read == [(slice(0, 1), down, right) for down in sides for right in sides]


def test_a_dask_array_over_storage_is_read_straight_from_there() -> None:
    stored = Counting(image(1, 100, 100), (1, 10, 10))
    y = fftconv.dask.conv2d(da.from_array(stored, chunks=(1, 10, 10)), WEIGHT, chunks=96)
    stored.read.clear()
    y.compute()
    assert stored.read == [(slice(0, 1), slice(0, 100), slice(0, 100))]


def test_a_lock_is_taken_to_read_from_storage(tmp_path) -> None:
    lock = dask.utils.SerializableLock()
    values = image(1, 40, 40)
    lazy = da.from_array(Counting(values, (1, 10, 10)), chunks=(1, 10, 10), lock=lock)
    kept = storage(lazy)
    assert kept is not None
    assert kept.lock is lock
    y = fftconv.dask.conv2d(lazy, np.ones((1, 1, 1, 1), "f4"))
    np.testing.assert_array_equal(y.compute(), values)
    assert not lock.locked()


def test_a_block_depends_on_the_chunks_that_its_window_touches() -> None:
    lazy = da.from_array(image(1, 100, 100), chunks=(1, 20, 20)) + 1
    y = fftconv.dask.conv2d(lazy, WEIGHT, padding=2, chunks=20)
    task = y.dask[(y.name, 0, 2, 0)]
    chunks = {key[1:] for key in task.dependencies if isinstance(key, tuple)}
    assert chunks == {(0, i, j) for i in (1, 2, 3) for j in (0, 1)}


@pytest.mark.parametrize("make", [
    lambda path: zarr.open_array(path, mode="r"),
    lambda path: da.from_zarr(path),
    lambda path: da.from_zarr(path, chunks=(30, 30)),
    lambda path: da.from_array(zarr.open_array(path, mode="r"), inline_array=True),
], ids=["zarr", "from_zarr", "from_zarr in other chunks", "from_array, inline"])  # fmt: skip
def test_zarr_in_every_guise_is_read_from_storage(tmp_path, make) -> None:
    values = image(70, 90)
    stored = zarr.open_array(
        str(tmp_path / "image.zarr"), mode="w", shape=(70, 90), chunks=(20, 25), dtype="f4"
    )
    stored[:] = values
    lazy = make(str(tmp_path / "image.zarr"))
    if isinstance(lazy, da.Array):
        assert storage(lazy) is not None
    y = fftconv.dask.correlate(lazy, WEIGHT[0, 0])
    expected = fftconv.dask.correlate(da.from_array(values, chunks=25), WEIGHT[0, 0])
    np.testing.assert_allclose(y.compute(), expected.compute(), atol=1e-5)
    assert not any(str(key).startswith("from") for key in y.dask.layers)


@pytest.mark.parametrize("change", [
    lambda lazy: lazy + 1, lambda lazy: lazy[:, 1:], lambda lazy: lazy[::-1],
    lambda lazy: lazy.rechunk(7), lambda lazy: lazy.T,
])  # fmt: skip
def test_what_is_computed_is_not_taken_for_storage(tmp_path, change) -> None:
    values = image(40, 40)
    lazy = change(da.from_array(Counting(values, (10, 10)), chunks=10))
    assert storage(lazy) is None
    y = fftconv.dask.correlate(lazy, np.ones((1, 1)))
    np.testing.assert_array_equal(y.compute(), lazy.compute())


def test_a_region_of_storage_is_not_taken_for_the_whole() -> None:
    stored = Counting(image(40, 40), (10, 10))
    lazy = da.from_array(stored, chunks=10)
    part = lazy.blocks[1:3, 1:3]
    assert storage(part) is None
    y = fftconv.dask.correlate(part, np.ones((1, 1)))
    np.testing.assert_array_equal(y.compute(), stored.values[10:30, 10:30])


def test_blocks_follow_the_chunks_and_join_small_ones() -> None:
    lazy = da.zeros((1, 400, 400), chunks=(1, 100, 160), dtype="f4")
    assert fftconv.dask.conv2d(lazy, WEIGHT, padding=2).chunks[1:] == (
        (100,) * 4, (160, 160, 80),
    )  # fmt: skip
    large = np.ones((1, 1, 41, 21), "f4")  # of a halo of 40 and 20, 8 times as wide is enough
    joined = fftconv.dask.conv2d(lazy, large, padding="same")
    assert joined.chunks[1:] == ((300, 100), (160, 160, 80))
    assert fftconv.dask.conv2d(lazy, WEIGHT).chunks[1:] == ((100, 100, 100, 96), (160, 160, 76))
    assert fftconv.dask.conv2d(lazy, WEIGHT, stride=3).chunks[1] == (34, 33, 33, 32)
    assert fftconv.dask.conv2d(lazy, WEIGHT, padding=6).chunks[1] == (100, 100, 100, 100, 8)
    assert fftconv.dask.conv2d(lazy, WEIGHT, chunks=(200, -1)).chunks[1:] == ((200, 196), (396,))


@pytest.mark.parametrize("chunks", [(1, 50, 40000), (1, 40000, 50), (1, 50, 50)])
def test_joined_blocks_keep_to_the_size_that_dask_is_set_to(chunks) -> None:
    stored = Counting(np.zeros((1, 1, 1), "f4"), chunks)
    stored.shape = (1, 40000, 40000)
    with dask.config.set({"array.chunk-size": "64MiB"}):
        made = fftconv.dask.conv2d(stored, WEIGHT, padding=2)
    _, height, width = made.chunksize
    assert 2**20 < 2 * 4 * height * width <= 2**26


def test_the_weights_gradient_keeps_to_the_chunks_of_what_is_computed() -> None:
    stored = Counting(image(1, 100, 100), (1, 10, 10))
    computed = da.zeros((1, 96, 96), chunks=(1, 50, 50), dtype="f4") + 1
    made = fftconv.dask.grad_weight(stored, computed, 5)
    made.compute()
    assert len(stored.read) == 4
    stored.read.clear()
    kept = Counting(image(1, 96, 96), (1, 50, 50))
    fftconv.dask.grad_weight(stored, kept, 5).compute()
    assert len(stored.read) == 1


def test_channels_in_chunks_stay_in_chunks_where_groups_allow_it() -> None:
    lazy = da.zeros((4, 50, 50), chunks=(1, 50, 50), dtype="f4")
    depthwise = np.ones((8, 1, 3, 3), "f4")
    assert fftconv.dask.conv2d(lazy, depthwise, groups=4).chunks[0] == (2, 2, 2, 2)
    halves = np.ones((8, 2, 3, 3), "f4")
    assert fftconv.dask.conv2d(lazy, halves, groups=2).chunks[0] == (4, 4)
    dense = np.ones((8, 4, 3, 3), "f4")
    assert fftconv.dask.conv2d(lazy, dense).chunks[0] == (8,)


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("zeros", [-1, -1, -1, 0, 1, 2, -1, -1, -1]),
        ("replicate", [0, 0, 0, 0, 1, 2, 2, 2, 2]),
        ("circular", [0, 1, 2, 0, 1, 2, 0, 1, 2]),
        ("reflect", [1, 2, 1, 0, 1, 2, 1, 0, 1]),
        ("symmetric", [2, 1, 0, 0, 1, 2, 2, 1, 0]),
    ],
)
def test_places_beyond_the_ends(mode, expected) -> None:
    assert places(mode, 3, np.arange(-3, 6)).tolist() == expected


@pytest.mark.parametrize("mode", ["zeros", "replicate", "circular", "reflect", "symmetric"])
@pytest.mark.parametrize("size", [1, 2, 5])
def test_windows_and_their_adjoints_are_what_their_places_say(mode, size) -> None:
    axis = np.arange(1.0, size + 1)
    for start in range(-7, 7):
        for stop in range(start + 1, 9):
            made = window(mode, size, start, stop)
            read = np.concatenate([axis[slice(*part)] for part in made.ranges] or [axis[:0]])
            filled = np.zeros(made.length)
            for run in made.runs:
                filled[run.into] = read[run.covered][:: run.step or 1]
            inside = places(mode, size, np.arange(start, stop))
            np.testing.assert_array_equal(filled, np.where(inside < 0, 0, axis[inside]))
    padding = (min(3, size), 2)
    padded = np.arange(1.0, size + sum(padding) + 1)
    expected = np.zeros(size)
    inside = places(mode, size, np.arange(-padding[0], size + padding[1]))
    np.add.at(expected, inside[inside >= 0], padded[inside >= 0])
    for start in range(size):
        made = adjoint(mode, size, padding, start, start + 1)
        parts = [padded[a + padding[0] : b + padding[0]] for a, b in made.ranges]
        read = np.concatenate(parts)
        total = sum(read[run.into].sum() for run in made.runs)
        assert total == expected[start]
