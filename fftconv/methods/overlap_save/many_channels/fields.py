"""Places of the fields of the jobs, as `passes` fills them in; all in bytes.

Channels are those of a group. Two vectors of channels make a pair, which is worked on together:
their halves of a cache line are then written together. Tiles are numbered image by image, row by
row; a unit is a run of tiles in one row.
"""

(
    # Counters that threads share, and the memory of each thread; where it is counted what they do.
    TICKET, SLOTS, SCRATCH, SLOT, COUNTER,
    # Where in that memory the columns are read to (and the bytes of a row), and their spectra.
    COLUMNS, COLUMNS_ROW, SPECTRA_OF_COLUMNS, SPECTRA_HALF,
    # From a tile's column to the next there, and from its first number to the upper left one.
    TAP, FIRST_TAP,
    # 1 of planes; 0 of filters, whose taps lie one behind the other and are read as one row.
    PLANAR,
    # What is cut into tiles: address, and strides of image, group, channel, row.
    PLACE, IMAGE_STEP, GROUP_STEP, CHANNEL_STEP, ROW_STEP,
    HEIGHT, WIDTH, TOP, LEFT,
    # From tile to tile, how many there are, tiles in a unit, units in a row.
    STEP_H, STEP_W, GRID_H, GRID_W, RUN, RUNS,
    # Rows and columns of a tile that are not zero, or that are wanted.
    TILE_H, TILE_W,
    FIRST_UNIT, UNITS, FIRST_TILE, CHANNELS,
    # Groups of channels, and pairs of vectors of a group: which, and how many.
    FIRST_GROUP, GROUPS, FIRST_PAIR, PAIRS,
    # Pieces that a ticket is for.
    TOGETHER,
    # The spectra: address, and strides.
    SPECTRA, SPECTRA_GROUP, BIN, PART, TILE, PAIR,
    # A number for each channel that is added to every output.
    BIAS, BIAS_GROUP,
    TRANSFORM_COUNT,
) = range(47)  # fmt: skip

(
    # As above (these five come first in both).
    P_TICKET, P_SLOTS, P_SCRATCH, P_SLOT, P_COUNTER,
    P_GROUPS, P_BINS,
    # 1 to add the product to what is there.
    P_ADDS,
    # The left factor is (tiles, channels) in each bin.
    LEFT_PLACE, LEFT_GROUP, LEFT_BIN, LEFT_PART, LEFT_TILE, P_TILES, P_CHANNELS,
    # Bytes of a tile of the left factor where it is packed, 0 where it is taken as it lies.
    PACKED_TILE,
    # Where in a thread's memory there is room for a block of the product.
    P_SPARE,
    # The product has `ROWS` rows, each a sum of `SUMS` terms; what lies between those of the
    # left factor, packed or not.
    ROWS, SUMS, LEFT_ROW, LEFT_TERM,
    RIGHT_PLACE, RIGHT_GROUP, RIGHT_BIN, RIGHT_PART, RIGHT_TERM, RIGHT_PAIR,
    OUT_PLACE, OUT_GROUP, OUT_BIN, OUT_PART, OUT_ROW, OUT_PAIR,
    # Vectors in a row of the product.
    VECTORS,
    PRODUCT_COUNT,
) = range(35)  # fmt: skip

(
    # Counters that threads share, how many chunks there are, and where (first unit, units, first
    # tile, tiles) of each lie.
    C_TICKET, C_SLOTS, CHUNKS, CHUNK_LIST,
    # The functions of the three passes, and their jobs, of which each thread makes copies.
    THERE, MULTIPLY, BACK, THERE_JOB, MULTIPLY_JOB, BACK_JOB,
    # The memory of threads: where, bytes of each, and where in those its scratch and spectra lie.
    MEMORY, MEMORY_STEP, OWN_SCRATCH, OWN_SPECTRA,
    CHUNKS_COUNT,
) = range(15)  # fmt: skip

(
    # Counters that threads share, how many chunks there are, where (first unit, units, first tile,
    # tiles) of each lie, and how many tickets, each for some chunks that follow on each other.
    S_TICKET, S_SLOTS, S_CHUNKS, S_CHUNK_LIST, S_TICKETS,
    # The functions of the passes over both factors and of the product, and their jobs, of which
    # each thread makes copies.
    S_LEFT, S_RIGHT, S_MULTIPLY, S_LEFT_JOB, S_RIGHT_JOB, S_MULTIPLY_JOB,
    # The memory of threads: where, bytes of each, and where in those its scratch and both factors'
    # spectra lie; and the sums of tickets: where, and bytes of each.
    S_MEMORY, S_MEMORY_STEP, S_OWN_SCRATCH, S_OWN_LEFT, S_OWN_RIGHT, S_SUMS, S_SUMS_STEP,
    SUMS_APART_COUNT,
) = range(19)  # fmt: skip

(
    # Counters that threads share, the sums of how many tickets, where they lie, and the bytes of
    # each; how many pieces they are added in, and the numbers and bytes of one.
    A_TICKET, A_SLOTS, A_SUMS, A_PLACE, A_STEP, A_PIECES, A_NUMBERS, A_PIECE_STEP,
    ADDING_COUNT,
) = range(9)  # fmt: skip

(
    # Counters that threads share, how many parts there are, and in a ticket, where (first unit,
    # units, first row of the product, rows) of each lie, and the first row of all.
    O_TICKET, O_SLOTS, PARTS, TICKET_PARTS, PART_LIST, FIRST_ROW,
    # Pairs of vectors of output channels in a group, and groups.
    O_PAIRS, O_GROUPS,
    # Input channels of a group, and of how many filters are transformed at a time (1 and 1 where no
    # filters are); from the product of a part to that of the next one, which lies there until all
    # channels have been.
    O_INS, O_INS_EACH, O_PRODUCT_STEP,
    # The functions of the product, of the way back, and of filters there (or 0), and their jobs,
    # of which threads make copies.
    PRODUCT, OUTPUT, FILTERS, PRODUCT_JOB, OUTPUT_JOB, FILTERS_JOB,
    # The memory of threads: where, bytes of each, and where in those its scratch and spectra lie.
    O_MEMORY, O_STEP, O_SCRATCH, O_PRODUCT, O_FILTERS,
    PAIRS_COUNT,
) = range(23)  # fmt: skip

#: Of a counter: the clock's ticks, and how much was done, of one or two kinds.
TICKS, FIRST, SECOND, COUNTS = range(4)
