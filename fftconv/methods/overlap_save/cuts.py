"""What a pass does with one tile: cut it from a plane, transform it, put it back in place."""

from __future__ import annotations

from typing import Any

from numba import njit

from fftconv.machine_code.compiling import compiled
from fftconv.machine_code.rows import (
    add_number,
    add_row,
    call,
    clear,
    copy,
    multiply,
    multiply_parts,
    ticks,
    transform,
)
from fftconv.methods.overlap_save import fields as at


def _cut(
    item: int, tile: int, fft: Any, row: int, plane: int, step: int, first: Any, size: Any
) -> None:
    """Write to `tile` what lies from `first` (row, column) on in a plane, zeros where nothing is.

    `size` is the (height, width) beyond which the plane counts as zero.
    """
    top = min(max(0, -first[0]), fft[0])
    bottom = max(top, min(fft[0], size[0] - first[0]))
    left = min(max(0, -first[1]), fft[1])
    right = max(left, min(fft[1], size[1] - first[1]))
    line = item * row
    clear(tile, line * top)
    source = plane + item * ((first[0] + top) * step + first[1] + left)
    for i in range(top, bottom):
        place = tile + line * i
        if left > 0:
            clear(place, item * left)
        copy(place + item * left, source, item * (right - left))
        clear(place + item * right, item * (row - right))
        source += item * step
    clear(tile + line * bottom, line * (fft[0] - bottom))


def _put(
    zero: Any, item: int, tile: int, row: int, rows: Any, width: int, shared: int,
    plane: int, first: Any, size: Any, start: int,
) -> None:  # fmt: skip
    """Write rows ``rows[0]`` to ``rows[1]`` of a tile to a dense plane of `size`, cropped.

    Row and column 0 of the tile belong at `first`; the first `shared` columns are added. The number
    at the address `start`, unless that is 0, is added to what is written.
    """
    low = max(rows[0], -first[0])
    high = min(rows[1], size[0] - first[0])
    left = max(0, -first[1])
    right = min(width, size[1] - first[1])
    middle = min(max(shared, left), right)
    if right <= left:
        return
    for i in range(low, high):
        source = tile + item * (i * row)
        place = plane + item * ((first[0] + i) * size[1] + first[1])
        if middle > left:
            add_row(zero, place + item * left, source + item * left, middle - left)
        if start != 0:
            add_number(zero, place + item * middle, source + item * middle, start, right - middle)
        else:
            copy(place + item * middle, source + item * middle, item * (right - middle))


cut, put = compiled(_cut), compiled(_put)


def _bring(
    job: Any, item: int, tile: int, plane: int, step: int, first: Any, size: Any, desk: int
) -> None:
    """Cut a tile and transform it: from `first` (row, column) on, as `cut` does."""
    start = ticks()
    fft, row = (job[at.FFT_H], job[at.FFT_W]), job[at.ROW]
    if job[at.COLUMNS_THERE] == 0:
        cut(item, tile, fft, row, plane, step, first, size)
        middle = ticks()
        job[at.STATUS] += transform(job[at.THERE], job[at.HANDLE], tile)
    else:
        cut(item, desk, fft, row, plane, step, first, size)
        middle = ticks()
        half, work = desk + job[at.HALF_AT], desk + job[at.WORK_AT]
        call(
            job[at.COLUMNS_THERE],
            (desk, item * row, fft[1], job[at.TURNS_H], work, half, job[at.HALF_ROW]),
        )
        call(
            job[at.ROWS_THERE],
            (
                half, job[at.HALF_ROW], fft[0] // 2, job[at.TURNS_W], work, tile,
                tile + job[at.ENDS_AT],
            ),
        )  # fmt: skip
    job[at.COPYING] += middle - start
    job[at.TRANSFORMING] += ticks() - middle


def _invert(job: Any, item: int, tile: int, desk: int) -> int:
    """Transform a spectrum back, and return where the tile's rows are."""
    start = ticks()
    if job[at.COLUMNS_THERE] == 0:
        job[at.STATUS] += transform(job[at.BACK], job[at.HANDLE_BACK], tile)
        rows = tile
    else:
        rows, half, work = desk, desk + job[at.HALF_AT], desk + job[at.WORK_AT]
        call(
            job[at.ROWS_BACK],
            (
                tile, tile + job[at.ENDS_AT], job[at.FFT_H] // 2, job[at.TURNS_W], work, half,
                job[at.HALF_ROW],
            ),
        )  # fmt: skip
        call(
            job[at.COLUMNS_BACK],
            (
                half, job[at.HALF_ROW], job[at.FFT_W], job[at.TURNS_H], work, rows,
                item * job[at.ROW],
            ),
        )  # fmt: skip
    job[at.INVERTING] += ticks() - start
    return rows


def _multiply_spectra(
    zero: Any, conjugate: Any, add: Any, job: Any, total: int, left: int, right: int
) -> None:
    """Multiply spectra as whoever made them lays them out; `conjugate` and `add` are constants."""
    if job[at.COLUMNS_THERE] == 0:
        multiply(zero, conjugate, add, total, left, right, job[at.AREA])
    else:
        multiply_parts(zero, conjugate, add, total, left, right, job[at.AREA])


bring, invert = compiled(_bring), compiled(_invert)
multiply_spectra: Any = njit(error_model="numpy", inline="always")(_multiply_spectra)
