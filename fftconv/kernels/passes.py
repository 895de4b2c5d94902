"""The compiled passes over tiles: cut, transform, multiply, transform back and put in place.

One pass does all of this for one tile after the other, so that a tile stays in the cache from when
it is cut until its result is written. MKL's transforms are called from within, by address.

Every function takes one pointer to 64-bit integers, which `fftconv.methods.fused` packs, and works
through numbered pieces of a job, as the functions of `fftconv.kernels.entry` do: threads share
them, and the result does not depend on how many there are. Spectra lie in planes of ``area``
numbers, rows of ``row`` numbers, in which MKL transforms in place.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from fftconv.kernels.cuts import (
    COPYING,
    MULTIPLYING,
    SLOTS,
    bring,
    compiled,
    invert,
    put,
)
from fftconv.kernels.entry import compile_job, source_hash
from fftconv.kernels.rows import add_atomically, add_row, multiply, ticks
from fftconv.kernels.vectors import take_ticket


@cache
def weights(bits: int) -> Any:
    """Return the function that transforms the planes of a weight."""
    item = bits // 8
    source = source_hash()

    def weights_pass(job: Any) -> None:
        source  # noqa: B018 - a closure's values are part of the key of numba's cache
        fft_h, fft_w, row, area = job[13], job[14], job[15], job[16]
        kernel_h, kernel_w, w, spectra, planes = job[27], job[28], job[29], job[37], job[42]
        piece = take_ticket(job)
        while piece < planes:
            tile = spectra + item * piece * area
            plane = w + item * piece * kernel_h * kernel_w
            sizes = (kernel_h, kernel_w)
            bring(job, item, tile, (fft_h, fft_w), row, plane, kernel_w, (0, 0), sizes)
            piece = take_ticket(job)

    return compile_job(weights_pass)


@cache
def forward(bits: int) -> Any:
    """Return the function for the forward map: a piece is a tile of all channels of a group."""
    zero = np.float32(0) if bits == 32 else np.float64(0)
    item = bits // 8
    source = source_hash()

    def forward_pass(job: Any) -> None:
        source  # noqa: B018 - a closure's values are part of the key of numba's cache
        groups, ins, outs, batch = job[9], job[10], job[11], job[12]
        fft, row, area = (job[13], job[14]), job[15], job[16]
        step_h, step_w, grid_h, grid_w = job[17], job[18], job[19], job[20]
        size, top, left, out = (job[21], job[22]), job[23], job[24], (job[25], job[26])
        x, x_n, x_c, x_h = job[29], job[30], job[31], job[32]
        y, y_n, y_c, w, kept = job[33], job[34], job[35], job[37], job[38]
        scratch = job[3] + job[4] * add_atomically(job, SLOTS, 1)
        spot = item * area
        pieces = batch * groups * grid_h * grid_w
        piece = take_ticket(job)
        while piece < pieces:
            along = piece % grid_w
            rest = piece // grid_w
            down = rest % grid_h
            rest //= grid_h
            group = rest % groups
            n = rest // groups
            first = (down * step_h - top, along * step_w - left)
            signals, distance = scratch, spot
            if kept != 0:
                place = (n * groups * ins + group * ins) * grid_h * grid_w + down * grid_w + along
                signals, distance = kept + spot * place, spot * grid_h * grid_w
            for c in range(ins):
                tile = signals + distance * c
                plane = x + item * (n * x_n + (group * ins + c) * x_c)
                bring(job, item, tile, fft, row, plane, x_h, first, size)
            # With one channel alone, and nothing to keep, the product takes its place.
            total = scratch + spot * ins
            if kept == 0 and ins == 1 and outs == 1:
                total = scratch
            for o in range(outs):
                q = group * outs + o
                start = ticks()
                multiply(zero, 1, 0, total, signals, w + spot * (q * ins), area)
                for c in range(1, ins):
                    tile = signals + distance * c
                    multiply(zero, 1, 1, total, tile, w + spot * (q * ins + c), area)
                add_atomically(job, MULTIPLYING, ticks() - start)
                invert(job, total)
                start = ticks()
                plane = y + item * (n * y_n + q * y_c)
                place_of = (down * step_h, along * step_w)
                put(zero, item, total, row, (0, step_h), step_w, 0, plane, place_of, out)
                add_atomically(job, COPYING, ticks() - start)
            piece = take_ticket(job)

    return compile_job(forward_pass)


def _add_to_weight(
    zero: Any, item: int, job: Any, scratch: int, sums: int, fresh: bool, place: Any
) -> None:
    """Multiply the spectra of a gradient's tile with the input's; `fresh` sums begin with them."""
    ins, outs, area, grid_h, grid_w = job[10], job[11], job[16], job[19], job[20]
    x, x_n, x_c, x_h, kept = job[29], job[30], job[31], job[32], job[38]
    group, n, down, along = place
    spot = item * area
    for c in range(ins):
        channel = group * ins + c
        signal = scratch + spot * outs
        if kept != 0:
            tile = ((n * job[9] * ins + channel) * grid_h + down) * grid_w + along
            signal = kept + spot * tile
        else:
            plane = x + item * (n * x_n + channel * x_c)
            corner = (down * job[17] - job[23], along * job[18] - job[24])
            fft, size = (job[13], job[14]), (job[21], job[22])
            bring(job, item, signal, fft, job[15], plane, x_h, corner, size)
        start = ticks()
        for o in range(outs):
            tile, total = scratch + spot * o, sums + spot * (o * ins + c)
            if fresh:
                multiply(zero, 1, 0, total, signal, tile, area)
            else:
                multiply(zero, 1, 1, total, signal, tile, area)
        add_atomically(job, MULTIPLYING, ticks() - start)


def _add_to_input(zero: Any, item: int, job: Any, scratch: int, place: Any) -> None:
    """Multiply the spectra of a gradient's tile with the weight's, and put the result in place."""
    ins, outs, row, area, step_h, grid_h = job[10], job[11], job[15], job[16], job[17], job[19]
    kernel_h, kernel_w, w, gx, tails = job[27], job[28], job[37], job[39], job[41]
    size = (job[21], job[22])
    group, n, down, along = place
    spot = item * area
    tall, wide = min(job[13], step_h + kernel_h - 1), min(job[14], job[18] + kernel_w - 1)
    # With one channel alone the product takes the place of what it is made of.
    total = scratch if ins == 1 and outs == 1 else scratch + spot * outs
    shared = kernel_w - 1 if along > 0 else 0
    left = along * job[18] - job[24]
    for c in range(ins):
        start = ticks()
        spectra = w + spot * (group * outs * ins + c)
        multiply(zero, 0, 0, total, scratch, spectra, area)
        for o in range(1, outs):
            multiply(zero, 0, 1, total, scratch + spot * o, spectra + spot * o * ins, area)
        add_atomically(job, MULTIPLYING, ticks() - start)
        invert(job, total)
        start = ticks()
        channel = (n * job[9] + group) * ins + c
        plane = gx + item * channel * size[0] * size[1]
        rows = (0, tall if down == grid_h - 1 else step_h)
        corner = (down * step_h - job[23], left)
        put(zero, item, total, row, rows, wide, shared, plane, corner, size)
        if down < grid_h - 1:
            height = kernel_h - 1
            plane = tails + item * (channel * (grid_h - 1) + down) * height * size[1]
            rows, limit = (step_h, step_h + height), (height, size[1])
            put(zero, item, total, row, rows, wide, shared, plane, (-step_h, left), limit)
        add_atomically(job, COPYING, ticks() - start)


add_to_weight, add_to_input = compiled(_add_to_weight), compiled(_add_to_input)


@cache
def backward(bits: int) -> Any:
    """Return the function for both gradients: a piece is some rows of tiles of a group.

    The tiles of the input's gradient overlap. Within a row of tiles they are added at once; what a
    row has in common with the next one goes to a buffer, and what each piece finds of the weight's
    gradient to one of its own, for `finish`.
    """
    zero = np.float32(0) if bits == 32 else np.float64(0)
    item = bits // 8
    source = source_hash()

    def backward_pass(job: Any) -> None:
        source  # noqa: B018 - a closure's values are part of the key of numba's cache
        groups, ins, outs, batch = job[9], job[10], job[11], job[12]
        fft, row, area = (job[13], job[14]), job[15], job[16]
        step_h, step_w, grid_h, grid_w = job[17], job[18], job[19], job[20]
        out_h, out_w, parts, share, shares = job[25], job[26], job[40], job[43], job[44]
        g, g_n, g_c, g_h = job[33], job[34], job[35], job[36]
        scratch = job[3] + job[4] * add_atomically(job, SLOTS, 1)
        spot = item * area
        pieces = groups * shares
        piece = take_ticket(job)
        while piece < pieces:
            group = piece % groups
            part = piece // groups
            sums = parts + spot * ((part * groups + group) * outs * ins)
            fresh = True
            for unit in range(part * share, min(batch * grid_h, (part + 1) * share)):
                n = unit // grid_h
                down = unit % grid_h
                for along in range(grid_w):
                    first = (down * step_h, along * step_w)
                    limits = (min(out_h, first[0] + step_h), min(out_w, first[1] + step_w))
                    for o in range(outs):
                        plane = g + item * (n * g_n + (group * outs + o) * g_c)
                        bring(job, item, scratch + spot * o, fft, row, plane, g_h, first, limits)
                    place = (group, n, down, along)
                    if parts != 0:
                        add_to_weight(zero, item, job, scratch, sums, fresh, place)
                        fresh = False
                    if job[39] != 0:
                        add_to_input(zero, item, job, scratch, place)
            piece = take_ticket(job)

    return compile_job(backward_pass)


@cache
def finish(bits: int) -> Any:
    """Return the function that ends what `backward` began.

    It adds up the parts of the weight's gradient and transforms them back, and adds what rows of
    tiles have in common to the input's gradient.
    """
    zero = np.float32(0) if bits == 32 else np.float64(0)
    item = bits // 8
    source = source_hash()

    def finish_pass(job: Any) -> None:
        source  # noqa: B018 - a closure's values are part of the key of numba's cache
        groups, ins, outs, batch = job[9], job[10], job[11], job[12]
        row, area = job[15], job[16]
        step_h, grid_h, height, width, top = job[17], job[19], job[21], job[22], job[23]
        kernel_h, kernel_w = job[27], job[28]
        gx, parts, tails, shares, gw = job[39], job[40], job[41], job[44], job[45]
        planes = groups * outs * ins
        seams = batch * groups * ins if gx != 0 and grid_h > 1 else 0
        sums = planes if parts != 0 else 0
        piece = take_ticket(job)
        while piece < sums + seams:
            if piece < sums:
                total = parts + item * piece * area
                start = ticks()
                for part in range(1, shares):
                    add_row(zero, total, total + item * part * planes * area, area)
                add_atomically(job, MULTIPLYING, ticks() - start)
                invert(job, total)
                taps = (kernel_h, kernel_w)
                plane = gw + item * piece * kernel_h * kernel_w
                put(zero, item, total, row, (0, kernel_h), kernel_w, 0, plane, (0, 0), taps)
            else:
                channel = piece - sums
                plane = gx + item * channel * height * width
                for down in range(grid_h - 1):
                    tail = tails + item * (channel * (grid_h - 1) + down) * (kernel_h - 1) * width
                    line = (down + 1) * step_h - top
                    for i in range(max(0, -line), min(kernel_h - 1, height - line)):
                        place = plane + item * (line + i) * width
                        add_row(zero, place, tail + item * i * width, width)
            piece = take_ticket(job)

    return compile_job(finish_pass)
