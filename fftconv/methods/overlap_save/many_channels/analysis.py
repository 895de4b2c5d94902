"""Tiles to spectra: the compiled pass over whatever is cut into tiles."""

from __future__ import annotations

from functools import cache
from typing import Any

from fftconv.machine_code.compiling import compile_job, compiled
from fftconv.machine_code.rows import add_atomically, clear, scale, ticks
from fftconv.machine_code.tickets import next_piece
from fftconv.machine_code.transposes import gather, gather_narrow
from fftconv.machine_code.vectors import VECTOR_BYTES, numbers
from fftconv.methods.overlap_save.many_channels import fields as at
from fftconv.methods.overlap_save.many_channels.codelets import column_there, row_there
from fftconv.methods.overlap_save.many_channels.lengths import scale_of
from fftconv.methods.overlap_save.many_channels.pieces import (
    AHEAD,
    ask,
    count_pieces,
    spent,
    whereabouts,
)
from fftconv.methods.overlap_save.many_channels.sources import source_hash
from fftconv.methods.overlap_save.many_channels.straight_lines import (
    real_rows,
    row_bins,
    spectrum_rows,
)


def _read_row(
    zero: Any, item: int, target: int, source: int, step: int, there: int, columns: int,
    left: int, right: int,
) -> None:  # fmt: skip
    """Write columns to lanes: those from `left` to `right` from memory, the others as zeros.

    `source` is where column `left` of the first channel lies. Up to as many vectors as there are
    lanes are written behind the last column.
    """
    lanes = VECTOR_BYTES // item
    clear(target, left * VECTOR_BYTES)
    width = right - left
    place = target + left * VECTOR_BYTES
    if width >= lanes:
        for column in range(0, width - lanes, lanes):
            gather(zero, source + column * item, step, there, place + column * VECTOR_BYTES)
        # The last block moves back rather than be narrower.
        column = width - lanes
        gather(zero, source + column * item, step, there, place + column * VECTOR_BYTES)
    else:
        gather_narrow(zero, source, step, there, width, place)
    clear(target + right * VECTOR_BYTES, (columns - right) * VECTOR_BYTES)


read_row: Any = compiled(_read_row)


def _read(
    zero: Any, item: int, job: Any, target: int, place: int, there: int, follow: int, first: Any,
    sizes: Any,
) -> None:  # fmt: skip
    """Write the window of `sizes` from `first` (row, column) on to lanes, zeros around the image.

    `place` is where the image begins, in the first of the channels; `follow` is how many channels
    there are behind those that are read.
    """
    line, lanes = job[at.COLUMNS_ROW], VECTOR_BYTES // item
    height, width = job[at.HEIGHT], job[at.WIDTH]
    rows, columns = sizes
    left = min(max(0, -first[1]), columns)
    right = max(left, min(columns, width - first[1]))
    for i in range(rows):
        row = first[0] + i
        here = target + i * line
        if row < 0 or row >= height or left == right:
            clear(here, columns * VECTOR_BYTES)
        else:
            source = place + row * job[at.ROW_STEP] + (first[1] + left) * item
            step = job[at.CHANNEL_STEP]
            beyond, wanted = source + AHEAD * job[at.ROW_STEP], row + AHEAD
            if i + AHEAD >= rows:  # the first rows of the next channels
                beyond += lanes * step - rows * job[at.ROW_STEP]
                wanted = wanted - rows if follow != 0 else -1
            if wanted >= 0 and wanted < height:
                ask(beyond, (right - left) * item, step, there, 0)
            read_row(zero, item, here, source, step, there, columns, left, right)


read: Any = compiled(_read)


@cache
def analysis(bits: int, length: int, rows: int, columns: int) -> Any:
    """Return the function that transforms tiles.

    Parameters
    ----------
    bits
        32 or 64.
    length
        The side of a tile.
    rows, columns
        How many of them may not be zero, rounded up to four.
    """
    zero, item, lanes = numbers(bits)
    vector = VECTOR_BYTES
    reals, each, rows_in_all = real_rows(length), row_bins(length), spectrum_rows(length)
    factor = type(zero)(scale_of(length))
    source = source_hash()

    def analysis_job(job: Any) -> None:
        source  # noqa: B018 - a closure's values are part of the key of numba's cache
        start, columns_done, tiles_done = ticks(), 0, 0
        scratch = job[at.SCRATCH] + job[at.SLOT] * add_atomically(job, at.SLOTS, 1)
        clear(scratch, length * vector)  # zeros to read instead of what is not there
        spectra_of, half = scratch + job[at.SPECTRA_OF_COLUMNS], job[at.SPECTRA_HALF]
        channels = job[at.CHANNELS]
        grid_h, grid_w = job[at.GRID_H], job[at.GRID_W]
        step_h, step_w = job[at.STEP_H], job[at.STEP_W]
        tile_h, tile_w = job[at.TILE_H], job[at.TILE_W]
        bins, part = job[at.BIN], job[at.PART]
        along = (length + 1) * vector  # from column to column, no power of two
        pieces = count_pieces(job)
        piece = next_piece(job, job[at.TOGETHER], -1)
        while piece < pieces:
            group, pair, image, down, across = whereabouts(job, piece)
            tiles = min(job[at.RUN], grid_w - across)
            wide = (tiles - 1) * step_w + tile_w
            begin = job[at.PLACE] + image * job[at.IMAGE_STEP] + group * job[at.GROUP_STEP]
            halves = min(2, (channels - 2 * lanes * pair + lanes - 1) // lanes)
            for h in range(halves):
                channel = (2 * pair + h) * lanes
                there = min(lanes, channels - channel)
                place = begin + channel * job[at.CHANNEL_STEP]
                columns_at = scratch + job[at.COLUMNS]
                if job[at.PLANAR] != 0:
                    first = (down * step_h - job[at.TOP], across * step_w - job[at.LEFT])
                    follow = channels - channel - there
                    read(zero, item, job, columns_at, place, there, follow, first, (tile_h, wide))
                else:
                    taps = tile_h * wide
                    step = job[at.CHANNEL_STEP]
                    read_row(zero, item, columns_at, place, step, there, taps, 0, taps)
                    if factor != 1:
                        scale(zero, columns_at, taps, factor)
                    columns_at += job[at.FIRST_TAP]
                for j in range(wide):
                    column_there(
                        length, rows, zero, columns_at + j * job[at.TAP], job[at.COLUMNS_ROW],
                        tile_h, scratch, spectra_of + h * half + j * along,
                    )  # fmt: skip
            number = (image * grid_h + down) * grid_w + across - job[at.FIRST_TILE]
            target = job[at.SPECTRA] + group * job[at.SPECTRA_GROUP] + pair * job[at.PAIR]
            for t in range(tiles):
                tile = target + (number + t) * job[at.TILE]
                for u in range(rows_in_all):
                    for h in range(halves):
                        begin = spectra_of + h * half + t * step_w * along
                        here = tile + h * vector
                        if u < reals:
                            row_there(
                                length, columns, 1, zero, begin + u * vector, along, tile_w,
                                scratch, here + u * each * bins, bins, part,
                            )  # fmt: skip
                        else:
                            row_there(
                                length, columns, 0, zero, begin + 2 * (u - 1) * vector, along,
                                tile_w, scratch, here + (2 + (u - 1) * length) * bins, bins, part,
                            )  # fmt: skip
            columns_done += halves * wide
            tiles_done += halves * tiles
            piece = next_piece(job, job[at.TOGETHER], piece)
        spent(job[at.COUNTER], start, columns_done, tiles_done)

    return compile_job(analysis_job)
