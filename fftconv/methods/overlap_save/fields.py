"""Places of the fields of a pass's job, as `few_channels` fills them in.

Numba takes them for the constants that they are.
"""

(
    # Counters that threads share: `take_ticket`, who has which scratch memory, MKL's first error.
    TICKET, SLOTS, STATUS,
    # Where this job is: each thread makes a copy, in which it counts.
    SELF,
    # Memory for the tiles of each thread, and the bytes that each has of it.
    SCRATCH, SLOT_BYTES,
    # MKL's two functions, and its descriptors for them.
    THERE, BACK, HANDLE, HANDLE_BACK,
    # Or, with 0 for MKL's, the generated ones, and the tables that they turn numbers by.
    COLUMNS_THERE, ROWS_THERE, ROWS_BACK, COLUMNS_BACK, TURNS_H, TURNS_W,
    # Memory of each thread that those work in, its bytes, and what lies where in it; the copy of
    # the job is at its end.
    DESKS, DESK_BYTES, HALF_AT, WORK_AT,
    # Bytes of a row of a tile whose columns are transformed, and where a spectrum's ends lie.
    HALF_ROW, ENDS_AT,
    # Channels are those of a group.
    GROUPS, INS, OUTS, BATCH,
    # Of the transform, and the numbers in a row of a tile and in its spectrum.
    FFT_H, FFT_W, ROW, AREA,
    # From one tile to the next, and how many tiles there are.
    STEP_H, STEP_W, GRID_H, GRID_W,
    IN_H, IN_W, TOP, LEFT, OUT_H, OUT_W, KERNEL_H, KERNEL_W,
    # The input, or the weight that is to be transformed, and its strides in numbers.
    X, X_N, X_C, X_H,
    # The output or its gradient, and its strides.
    Y, Y_N, Y_C, Y_H,
    # A number for each output channel, 0 for none.
    BIAS,
    # Spectra: of the weight, and of the input's tiles from forward to backward, 0 for none.
    W, KEPT,
    # The input's gradient, partial sums of the weight's, and what rows of tiles have in common.
    GX, PARTS, TAILS,
    # Planes of the weight, rows of tiles in a part, and the parts.
    PLANES, SHARE, SHARES,
    GW,
    # Ticks of the clock that went into each phase.
    COPYING, TRANSFORMING, MULTIPLYING, INVERTING,
    COUNT,
) = range(65)  # fmt: skip

#: Bytes that a thread has for its copy: the fields, and what keeps others from their cache lines.
COPY_BYTES = 704
