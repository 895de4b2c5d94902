"""Spectra to tiles, put side by side: the compiled pass that ends a correlation."""

from __future__ import annotations

from functools import cache
from typing import Any

from fftconv.machine_code.compiling import compile_job, compiled
from fftconv.machine_code.rows import add_atomically, scale, ticks
from fftconv.machine_code.tickets import next_piece
from fftconv.machine_code.transposes import scatter, scatter_narrow
from fftconv.machine_code.vectors import VECTOR_BYTES, numbers
from fftconv.methods.overlap_save.many_channels import fields as at
from fftconv.methods.overlap_save.many_channels.codelets import column_back, row_back
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


def _write_row(
    zero: Any, item: int, source: int, target: int, step: int, there: int, width: int
) -> None:
    """Write columns from lanes to their channels."""
    lanes = VECTOR_BYTES // item
    if width >= lanes:
        for column in range(0, width - lanes, lanes):
            scatter(zero, source + column * VECTOR_BYTES, target + column * item, step, there)
        # The last block moves back rather than be narrower.
        column = width - lanes
        scatter(zero, source + column * VECTOR_BYTES, target + column * item, step, there)
    else:
        scatter_narrow(zero, source, target, step, there, width)


write_row: Any = compiled(_write_row)


@cache
def synthesis(bits: int, length: int, rows: int, columns: int) -> Any:
    """Return the function that transforms tiles back.

    Parameters
    ----------
    bits
        32 or 64.
    length
        The side of a tile.
    rows, columns
        How many of them are wanted, rounded up to four.
    """
    zero, item, lanes = numbers(bits)
    vector = VECTOR_BYTES
    reals, each, rows_in_all = real_rows(length), row_bins(length), spectrum_rows(length)
    factor = type(zero)(scale_of(length))
    source = source_hash()

    def synthesis_job(job: Any) -> None:
        source  # noqa: B018 - a closure's values are part of the key of numba's cache
        start, columns_done, tiles_done = ticks(), 0, 0
        scratch = job[at.SCRATCH] + job[at.SLOT] * add_atomically(job, at.SLOTS, 1)
        columns_at, line = scratch + job[at.COLUMNS], job[at.COLUMNS_ROW]
        spectra_of, half = scratch + job[at.SPECTRA_OF_COLUMNS], job[at.SPECTRA_HALF]
        channels = job[at.CHANNELS]
        grid_h, grid_w = job[at.GRID_H], job[at.GRID_W]
        step_h, step_w = job[at.STEP_H], job[at.STEP_W]
        bins, part = job[at.BIN], job[at.PART]
        along = (length + 1) * vector
        pieces = count_pieces(job)
        piece = next_piece(job, job[at.TOGETHER], -1)
        while piece < pieces:
            group, pair, image, down, across = whereabouts(job, piece)
            tiles = min(job[at.RUN], grid_w - across)
            halves = min(2, (channels - 2 * lanes * pair + lanes - 1) // lanes)
            number = (image * grid_h + down) * grid_w + across - job[at.FIRST_TILE]
            origin = job[at.SPECTRA] + group * job[at.SPECTRA_GROUP] + pair * job[at.PAIR]
            first = (down * step_h, across * step_w)
            height = min(job[at.TILE_H], job[at.HEIGHT] - first[0])
            wide = min((tiles - 1) * step_w + job[at.TILE_W], job[at.WIDTH] - first[1])
            begin = job[at.PLACE] + image * job[at.IMAGE_STEP] + group * job[at.GROUP_STEP]
            corner = begin + first[0] * job[at.ROW_STEP] + first[1] * item
            if job[at.PLANAR] != 0:
                for h in range(halves):
                    channel = (2 * pair + h) * lanes
                    there = min(lanes, channels - channel)
                    for i in range(min(AHEAD, height)):
                        here = corner + channel * job[at.CHANNEL_STEP] + i * job[at.ROW_STEP]
                        ask(here, wide * item, job[at.CHANNEL_STEP], there, 1)
            for t in range(tiles):
                tile = origin + (number + t) * job[at.TILE]
                # A tile may write columns of the next one, which then writes its own.
                for u in range(rows_in_all):
                    for h in range(halves):
                        target = spectra_of + h * half + t * step_w * along
                        here = tile + h * vector
                        if u < reals:
                            row_back(
                                length, columns, 1, zero, here + u * each * bins, bins,
                                part, target + u * vector, along,
                            )  # fmt: skip
                        else:
                            row_back(
                                length, columns, 0, zero, here + (2 + (u - 1) * length) * bins,
                                bins, part, target + 2 * (u - 1) * vector, along,
                            )  # fmt: skip
            for h in range(halves):
                channel = (2 * pair + h) * lanes
                bias = job[at.BIAS] + group * job[at.BIAS_GROUP] + channel * item
                for j in range(wide):
                    column_back(
                        length, rows, zero, spectra_of + h * half + j * along,
                        columns_at + j * vector, line, bias,
                    )  # fmt: skip
                there = min(lanes, channels - channel)
                if job[at.PLANAR] == 0:
                    target = begin + channel * job[at.CHANNEL_STEP]
                    taps = height * wide
                    if factor != 1:
                        scale(zero, columns_at, taps, factor)
                    write_row(zero, item, columns_at, target, job[at.CHANNEL_STEP], there, taps)
                    continue
                target = corner + channel * job[at.CHANNEL_STEP]
                for i in range(height):
                    here = target + i * job[at.ROW_STEP]
                    if i + AHEAD < height:
                        beyond = here + AHEAD * job[at.ROW_STEP]
                        ask(beyond, wide * item, job[at.CHANNEL_STEP], there, 1)
                    source_at = columns_at + i * line
                    write_row(zero, item, source_at, here, job[at.CHANNEL_STEP], there, wide)
            columns_done += halves * wide
            tiles_done += halves * tiles
            piece = next_piece(job, job[at.TOGETHER], piece)
        spent(job[at.COUNTER], start, columns_done, tiles_done)

    return compile_job(synthesis_job)
