"""The compiled passes over tiles: cut, transform, multiply, transform back and put in place.

One pass does all of this for one tile after the other, so that a tile stays in the cache from when
it is cut until its result is written. Transforms, MKL's or generated ones, are called from within,
by address.

Every function works through the pieces of a job whose fields are named in
`fftconv.methods.overlap_save.fields`. A spectrum is ``area`` numbers. MKL transforms in place, in
rows of ``row`` numbers; the generated transforms have such rows on the desk of each thread. The
functions are in one long file since their sources, hashed, are the key of what is kept of them.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from fftconv.machine_code.compiling import compile_job, compiled, source_hash
from fftconv.machine_code.rows import add_atomically, add_row, copy, ticks
from fftconv.machine_code.shift import as_pointer
from fftconv.machine_code.vectors import numbers, take_ticket
from fftconv.methods.overlap_save import fields as at
from fftconv.methods.overlap_save.cuts import bring, invert, multiply_spectra, put


def _own_job(job: Any, desk: int) -> Any:
    """Return a thread's copy of a job, with nothing counted in it yet.

    What threads count in one place travels from core to core at each tile: backward passes of few
    tiles took a twentieth longer.
    """
    place = desk + job[at.DESK_BYTES] - at.COPY_BYTES
    copy(place, job[at.SELF], 8 * at.COUNT)
    own = as_pointer(place)
    own[at.STATUS] = own[at.COPYING] = own[at.TRANSFORMING] = 0
    own[at.MULTIPLYING] = own[at.INVERTING] = 0
    return own


def _hand_in(job: Any, own: Any) -> None:
    """Add what a thread counted to what all did."""
    add_atomically(job, at.STATUS, own[at.STATUS])
    add_atomically(job, at.COPYING, own[at.COPYING])
    add_atomically(job, at.TRANSFORMING, own[at.TRANSFORMING])
    add_atomically(job, at.MULTIPLYING, own[at.MULTIPLYING])
    add_atomically(job, at.INVERTING, own[at.INVERTING])


own_job, hand_in = compiled(_own_job), compiled(_hand_in)


@cache
def weights(bits: int) -> Any:
    """Return the function that transforms the planes of a weight."""
    item = bits // 8
    source = source_hash(__file__, "cuts", "fields")

    def weights_pass(job: Any) -> None:
        source  # noqa: B018 - a closure's values are part of the key of numba's cache
        kernel_h, kernel_w = job[at.KERNEL_H], job[at.KERNEL_W]
        w, spectra, planes, area = job[at.X], job[at.W], job[at.PLANES], job[at.AREA]
        desk = job[at.DESKS] + job[at.DESK_BYTES] * add_atomically(job, at.SLOTS, 1)
        own = own_job(job, desk)
        piece = take_ticket(job)
        while piece < planes:
            tile = spectra + item * piece * area
            plane = w + item * piece * kernel_h * kernel_w
            sizes = (kernel_h, kernel_w)
            bring(own, item, tile, plane, kernel_w, (0, 0), sizes, desk)
            piece = take_ticket(job)
        hand_in(job, own)

    return compile_job(weights_pass)


@cache
def forward(bits: int) -> Any:
    """Return the function for the forward map: a piece is a tile of all channels of a group."""
    zero, item, _ = numbers(bits)
    source = source_hash(__file__, "cuts", "fields")

    def forward_pass(job: Any) -> None:
        source  # noqa: B018 - a closure's values are part of the key of numba's cache
        groups, ins, outs, batch = job[at.GROUPS], job[at.INS], job[at.OUTS], job[at.BATCH]
        row, area = job[at.ROW], job[at.AREA]
        step_h, step_w = job[at.STEP_H], job[at.STEP_W]
        grid_h, grid_w = job[at.GRID_H], job[at.GRID_W]
        size, top, left = (job[at.IN_H], job[at.IN_W]), job[at.TOP], job[at.LEFT]
        out = (job[at.OUT_H], job[at.OUT_W])
        x, x_n, x_c, x_h = job[at.X], job[at.X_N], job[at.X_C], job[at.X_H]
        y, y_n, y_c, w, kept = job[at.Y], job[at.Y_N], job[at.Y_C], job[at.W], job[at.KEPT]
        bias = job[at.BIAS]
        slot = add_atomically(job, at.SLOTS, 1)
        scratch = job[at.SCRATCH] + job[at.SLOT_BYTES] * slot
        desk = job[at.DESKS] + job[at.DESK_BYTES] * slot
        own = own_job(job, desk)
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
                bring(own, item, tile, plane, x_h, first, size, desk)
            # With one channel alone, and nothing to keep, the product takes its place.
            total = scratch + spot * ins
            if kept == 0 and ins == 1 and outs == 1:
                total = scratch
            for o in range(outs):
                q = group * outs + o
                start = ticks()
                multiply_spectra(zero, 1, 0, own, total, signals, w + spot * (q * ins))
                for c in range(1, ins):
                    tile = signals + distance * c
                    multiply_spectra(zero, 1, 1, own, total, tile, w + spot * (q * ins + c))
                own[at.MULTIPLYING] += ticks() - start
                rows = invert(own, item, total, desk)
                start = ticks()
                plane = y + item * (n * y_n + q * y_c)
                place_of = (down * step_h, along * step_w)
                start_of = bias + item * q if bias != 0 else 0
                put(zero, item, rows, row, (0, step_h), step_w, 0, plane, place_of, out, start_of)
                own[at.COPYING] += ticks() - start
            piece = take_ticket(job)
        hand_in(job, own)

    return compile_job(forward_pass)


def _add_to_weight(
    zero: Any, item: int, job: Any, scratch: int, desk: int, sums: int, fresh: bool, place: Any
) -> None:
    """Multiply the spectra of a gradient's tile with the input's; `fresh` sums begin with them."""
    ins, outs, area = job[at.INS], job[at.OUTS], job[at.AREA]
    grid_h, grid_w = job[at.GRID_H], job[at.GRID_W]
    x, x_n, x_c, x_h, kept = job[at.X], job[at.X_N], job[at.X_C], job[at.X_H], job[at.KEPT]
    group, n, down, along = place
    spot = item * area
    for c in range(ins):
        channel = group * ins + c
        signal = scratch + spot * outs
        if kept != 0:
            tile = ((n * job[at.GROUPS] * ins + channel) * grid_h + down) * grid_w + along
            signal = kept + spot * tile
        else:
            plane = x + item * (n * x_n + channel * x_c)
            corner = (down * job[at.STEP_H] - job[at.TOP], along * job[at.STEP_W] - job[at.LEFT])
            bring(job, item, signal, plane, x_h, corner, (job[at.IN_H], job[at.IN_W]), desk)
        start = ticks()
        for o in range(outs):
            tile, total = scratch + spot * o, sums + spot * (o * ins + c)
            if fresh:
                multiply_spectra(zero, 1, 0, job, total, signal, tile)
            else:
                multiply_spectra(zero, 1, 1, job, total, signal, tile)
        job[at.MULTIPLYING] += ticks() - start


def _add_to_input(zero: Any, item: int, job: Any, scratch: int, desk: int, place: Any) -> None:
    """Multiply the spectra of a gradient's tile with the weight's, and put the result in place."""
    ins, outs, row, area = job[at.INS], job[at.OUTS], job[at.ROW], job[at.AREA]
    step_h, step_w, grid_h = job[at.STEP_H], job[at.STEP_W], job[at.GRID_H]
    kernel_h, kernel_w, w = job[at.KERNEL_H], job[at.KERNEL_W], job[at.W]
    gx, tails = job[at.GX], job[at.TAILS]
    size = (job[at.IN_H], job[at.IN_W])
    group, n, down, along = place
    spot = item * area
    tall = min(job[at.FFT_H], step_h + kernel_h - 1)
    wide = min(job[at.FFT_W], step_w + kernel_w - 1)
    # With one channel alone the product takes the place of what it is made of.
    total = scratch if ins == 1 and outs == 1 else scratch + spot * outs
    shared = kernel_w - 1 if along > 0 else 0
    left = along * step_w - job[at.LEFT]
    for c in range(ins):
        start = ticks()
        spectra = w + spot * (group * outs * ins + c)
        multiply_spectra(zero, 0, 0, job, total, scratch, spectra)
        for o in range(1, outs):
            other = spectra + spot * o * ins
            multiply_spectra(zero, 0, 1, job, total, scratch + spot * o, other)
        job[at.MULTIPLYING] += ticks() - start
        tile = invert(job, item, total, desk)
        start = ticks()
        channel = (n * job[at.GROUPS] + group) * ins + c
        plane = gx + item * channel * size[0] * size[1]
        rows = (0, tall if down == grid_h - 1 else step_h)
        corner = (down * step_h - job[at.TOP], left)
        put(zero, item, tile, row, rows, wide, shared, plane, corner, size, 0)
        if down < grid_h - 1:
            height = kernel_h - 1
            plane = tails + item * (channel * (grid_h - 1) + down) * height * size[1]
            rows, limit = (step_h, step_h + height), (height, size[1])
            put(zero, item, tile, row, rows, wide, shared, plane, (-step_h, left), limit, 0)
        job[at.COPYING] += ticks() - start


add_to_weight, add_to_input = compiled(_add_to_weight), compiled(_add_to_input)


@cache
def backward(bits: int) -> Any:
    """Return the function for both gradients: a piece is some rows of tiles of a group.

    The tiles of the input's gradient overlap. Within a row of tiles they are added at once; what a
    row has in common with the next one goes to a buffer, and what each piece finds of the weight's
    gradient to one of its own, for `finish`.
    """
    zero, item, _ = numbers(bits)
    source = source_hash(__file__, "cuts", "fields")

    def backward_pass(job: Any) -> None:
        source  # noqa: B018 - a closure's values are part of the key of numba's cache
        groups, ins, outs, batch = job[at.GROUPS], job[at.INS], job[at.OUTS], job[at.BATCH]
        area = job[at.AREA]
        step_h, step_w = job[at.STEP_H], job[at.STEP_W]
        grid_h, grid_w = job[at.GRID_H], job[at.GRID_W]
        out_h, out_w = job[at.OUT_H], job[at.OUT_W]
        parts, share, shares = job[at.PARTS], job[at.SHARE], job[at.SHARES]
        g, g_n, g_c, g_h = job[at.Y], job[at.Y_N], job[at.Y_C], job[at.Y_H]
        slot = add_atomically(job, at.SLOTS, 1)
        scratch = job[at.SCRATCH] + job[at.SLOT_BYTES] * slot
        desk = job[at.DESKS] + job[at.DESK_BYTES] * slot
        own = own_job(job, desk)
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
                        bring(own, item, scratch + spot * o, plane, g_h, first, limits, desk)
                    place = (group, n, down, along)
                    if parts != 0:
                        add_to_weight(zero, item, own, scratch, desk, sums, fresh, place)
                        fresh = False
                    if job[at.GX] != 0:
                        add_to_input(zero, item, own, scratch, desk, place)
            piece = take_ticket(job)
        hand_in(job, own)

    return compile_job(backward_pass)


@cache
def finish(bits: int) -> Any:
    """Return the function that ends what `backward` began.

    It adds up the parts of the weight's gradient and transforms them back, and adds what rows of
    tiles have in common to the input's gradient.
    """
    zero, item, _ = numbers(bits)
    source = source_hash(__file__, "cuts", "fields")

    def finish_pass(job: Any) -> None:
        source  # noqa: B018 - a closure's values are part of the key of numba's cache
        groups, ins, outs, batch = job[at.GROUPS], job[at.INS], job[at.OUTS], job[at.BATCH]
        row, area = job[at.ROW], job[at.AREA]
        step_h, grid_h = job[at.STEP_H], job[at.GRID_H]
        height, width, top = job[at.IN_H], job[at.IN_W], job[at.TOP]
        kernel_h, kernel_w = job[at.KERNEL_H], job[at.KERNEL_W]
        gx, gw = job[at.GX], job[at.GW]
        parts, tails, shares = job[at.PARTS], job[at.TAILS], job[at.SHARES]
        desk = job[at.DESKS] + job[at.DESK_BYTES] * add_atomically(job, at.SLOTS, 1)
        own = own_job(job, desk)
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
                own[at.MULTIPLYING] += ticks() - start
                tile = invert(own, item, total, desk)
                taps = (kernel_h, kernel_w)
                plane = gw + item * piece * kernel_h * kernel_w
                put(zero, item, tile, row, (0, kernel_h), kernel_w, 0, plane, (0, 0), taps, 0)
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
        hand_in(job, own)

    return compile_job(finish_pass)
