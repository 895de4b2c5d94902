"""Places of the fields of a direct job, as `fftconv.methods.compiled.job.Job` fills them in.

Numba takes them for the constants that they are.
"""

(
    # What `take_ticket` counts.
    TICKET,
    # The operands, the result, and what is added to each number of it: `START` is where the numbers
    # of the channels lie, `START_STEP` bytes from one to the next; `NOTHING` is where a zero lies.
    A, B, OUT, START, START_STEP, NOTHING,
    # The stack: out[g, p, q] is a sum over the terms.
    GROUPS, PS, QS, TERMS,
    HEIGHT, WIDTH, KERNEL_H, KERNEL_W, OUT_H, OUT_W, TOP, LEFT,
    # Strides in numbers, from one group, p or q, term, row and column to the next; of the result
    # also from one set of partial sums to the next.
    A_G, A_P, A_S, A_H,
    B_G, B_Q, B_S, B_H, B_W,
    OUT_PART, OUT_G, OUT_P, OUT_Q, OUT_STEP_H,
    # The pieces, see `fftconv.methods.compiled.division.Division`.
    BAND, BANDS, SHARE, SHARES,
    # How many there are, and how many a ticket is for.
    PIECES, RUN,
    COUNT,
) = range(40)  # fmt: skip
