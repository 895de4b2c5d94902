"""How a correlation of many channels is cut into tiles, and tiles into what is done at a time."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import torch

from fftconv.machine_code.memory import LINE_BYTES, cache_bytes
from fftconv.machine_code.target import target
from fftconv.methods.overlap_save.many_channels.lengths import is_winograd

if TYPE_CHECKING:
    from fftconv.geometry import Pair
    from fftconv.methods.overlap_save.many_channels.correlation import Correlation

#: Bytes of columns and of their spectra that a thread works on at a time, at most if it can.
UNIT_BYTES = 160 << 10
#: Bytes of spectra of tiles between passes, at most.
CHUNK_BYTES = 48 << 20
#: Bytes of one bin's share of them, and the share of a core's cache that it may have if that is
#: more: its left factor is packed in one and a half times as many.
BIN_BYTES, BIN_SHARE = 192 << 10, 4
#: Tiles that are worth as much as to find spectra in the threads' caches again: a weight's spectra
#: are read once for all of a chunk, sums over tiles are read and written. (33 cases of two Xeons,
#: 64 to 1024 channels, 3x3 to 9x9. From 128 channels up, 64 tiles are 1.0 to 1.8 times as fast as
#: 32 where filters' spectra are larger than 64 MB, 0.9 to 1.2 below; 48 take 0.7 to 1.0 of the time
#: of 64 with 64 channels, 0.9 to 1.1 with 128 and 256; sums 1.0 to 1.4 times.)
FEW_TILES, FEW_TO_SUM = 48, 128
#: The share of a core's cache that spectra of tiles may have, beside filters' and what is read
#: and written. (Winograd's tiles, 16, 32 and 64 channels, one thread of a Xeon: a third takes
#: 0.84 to 0.94 of the time of all of it.)
SPECTRA_SHARE = 3
#: Tiles up to which sums over them are made some filters at a time: each pair of outputs reads all
#: inputs again. Of Winograd's (Xeon, 512 channels, 3x3: 16 tiles 3.0 ms, all at a time 6.8; 49:
#: 8.8, 11.5; 128: 22.7, 20.1), and of Fourier's, whose inputs are packed each time (256 and 512
#: channels, 5x5 to 15x15: 16 tiles 12 to 64 ms, all at a time 37 to 103; 36: 37, 38; 49: 14.0,
#: 13.1. 64 to 100 channels, two runs: 16 tiles 0.73 to 0.99 of all at a time, 36: 1.06 to 1.20).
FEW_TILES_BY_PAIRS, FEW_PACKED = 64, 32
#: Filters of a pair that are worked on at a time by Winograd's transform: their spectra are to be
#: in a core's cache.
PART_FILTERS = 128
#: The share of a core's cache that the spectra of a pair's filters may have, and as much those of
#: its outputs; and of how many filters they are made at a time at least, since products of few
#: terms are slow. (Xeon, 256 and 512 channels, 5x5 to 15x15: with 32 and 64 the same within a
#: tenth, with 16 up to a fifth more, with 128 and all 1.1 to 1.6 times as long.)
PAIR_SHARE, LEAST_FILTERS = 2, 32
#: Threads work apart where the filters that all chunks read, or the sums that each of them has, are
#: no more than so many times a core's cache, or where filters are no more than so many times the
#: spectra of tiles. (39 dense layers on a Xeon, two threads: 1.0 to 1.4 times as fast up to six,
#: 0.9 to 1.1 at eight, 0.6 to 1.0 above. Sums, 24 to 256 channels, 3x3 to 15x15: 1.0 to 1.7 times
#: as fast up to twice the cache, 0.9 to 1.2 up to four times, 0.7 to 1.0 above.)
NEAR_CACHES, READ_TIMES = 2, 6


@dataclass(frozen=True)
class Cut:
    """Tiles of `length` squared, each good for `step` outputs, in a `grid`.

    A unit is a run of `run` tiles in a row. They go in `number` chunks, as even as can be, each of
    which is worked on between two passes: by all threads, or `apart`, by one while others have
    chunks of their own.
    """

    length: int
    step: Pair
    grid: Pair
    run: int
    number: int
    all_units: int
    apart: bool = False
    by_pairs: bool = False
    """Whether threads share out output channels, a pair of vectors at a time: spectra of filters,
    or sums of those of tiles, are never in memory all at once."""

    @property
    def bins(self) -> int:
        """Pairs of numbers in the spectrum of a tile."""
        return bins_of(self.length)

    @property
    def runs(self) -> int:
        """Units in a row of tiles."""
        return -(-self.grid[1] // self.run)

    @property
    def units(self) -> int:
        """Units of a chunk, at most."""
        return -(-self.all_units // self.number)

    def chunks(self) -> list[tuple[int, int, int, int]]:
        """List each chunk's first unit and how many units it has, and the same of its tiles."""
        return self.parts(0, self.all_units, self.number)

    def parts(self, first: int, units: int, number: int) -> list[tuple[int, int, int, int]]:
        """List the same of parts, as even as can be, of so many units from the `first` on."""
        bounds = [first + units * n // number for n in range(number + 1)]
        tiles = [self.first_tile(unit) for unit in bounds]
        return [
            (unit, after - unit, tile, end - tile)
            for (unit, after), (tile, end) in zip(pairwise(bounds), pairwise(tiles), strict=True)
        ]

    def first_tile(self, unit: int) -> int:
        """Return the number of a unit's first tile; of the one behind the last, how many."""
        row, place = divmod(unit, self.runs)
        return row * self.grid[1] + place * self.run

    def chunks_at_once(self, threads: int) -> int:
        """Return for how many chunks there has to be memory."""
        return min(threads, self.number) if self.apart else 1

    @property
    def most_tiles(self) -> int:
        """Tiles that no chunk has more of."""
        return min(self.units * self.run, self.first_tile(self.all_units))


def steps(case: Correlation, length: int) -> tuple[Pair, Pair] | None:
    """Return the outputs that a tile is good for and how many tiles there are; None for none."""
    if is_winograd(length):
        return _winograd_steps(case, length)
    pairs = []
    for size, kernel, out, corner in zip(
        case.size, case.kernel, case.out, case.corner, strict=True
    ):
        after = out + kernel - 1 - corner - size
        # What runs over the end wraps around into the zeros of the padding before the start.
        if corner >= 0 and max(size + max(corner, after), out, kernel) <= length:
            pairs.append((out, 1))
        elif kernel <= length:
            step = min(length - kernel + 1, out)
            pairs.append((step, -(-out // step)))
        else:
            return None
    return (pairs[0][0], pairs[1][0]), (pairs[0][1], pairs[1][1])


def _winograd_steps(case: Correlation, length: int) -> tuple[Pair, Pair] | None:
    """Do so for tiles whose outputs are as many as their taps leave, wanted or not."""
    if not all(1 < kernel < length for kernel in case.kernel):
        return None
    (high, wide), (rows, columns) = (length - kernel + 1 for kernel in case.kernel), case.out
    return (high, wide), (-(-rows // high), -(-columns // wide))


def cut(
    case: Correlation, length: int, item: int, sums: bool = False, learned: bool = True
) -> Cut | None:
    """Return how a case is cut into tiles of one length, None if its filter is too large.

    `sums` says that products are summed over tiles, `learned` that the filters are others in each
    call.
    """
    sizes = steps(case, length)
    if sizes is None:
        return None
    step, grid = sizes
    column = (3 * length + 2) * target().vector_bytes
    most = max(1, (UNIT_BYTES // column - length) // step[1] + 1)
    run = -(-grid[1] // -(-grid[1] // min(most, grid[1])))
    runs = -(-grid[1] // run)
    all_units = case.batch * grid[0] * runs
    tile = 2 * row_bytes(max(case.ins, case.outs), item, target().vector_bytes)
    spectra = tile * bins_of(length) * case.groups
    threads = torch.get_num_threads()
    room = case.room(item)
    chunk = min(CHUNK_BYTES, room // (2 if sums else 1))

    def chunks_of(caches: int, least: int) -> int:
        near = caches * cache_bytes() // SPECTRA_SHARE // spectra
        tiles = min(chunk * caches // threads // spectra, max(least, near))
        tiles = min(tiles, max(BIN_BYTES, cache_bytes() // BIN_SHARE) // tile)
        units = min(all_units, max(1, tiles // run, -(-threads // case.groups)))
        return -(-all_units // units)

    alone = -(-chunks_of(1, FEW_TILES) // threads) * threads
    number = case.batch * grid[0] * grid[1]
    filters = filter_bytes(case, length, item)
    near = filters <= NEAR_CACHES * cache_bytes()
    if sums:
        few = number <= few_by_pairs(length) and 2 * number * spectra <= room + filters
        by_pairs = few and _sums_to_share(case, length, item) >= threads
        # Each thread has sums of its own, beside the spectra of a chunk.
        tiles = -(-all_units // alone) * run
        fit = threads * (2 * tiles * spectra + filters) <= room
        apart = threads > 1 and near and fit and not by_pairs and alone <= all_units
    else:
        # A single thread has nobody to share with; but spectra that are made anew it need not read.
        anew = learned or is_winograd(length)
        once = near or alone * filters <= READ_TIMES * number * spectra
        apart = (once or (threads == 1 and not anew)) and alone <= all_units
        by_pairs = not apart and anew
    if by_pairs:
        # Filters are transformed once for each chunk, by the threads that use them. Their spectra,
        # which are never in memory all at once, leave room for those of tiles.
        chunk = min(CHUNK_BYTES, room + (filters if learned else 0))
        most = all_units if sums else chunk // spectra // run
        chunks = -(-all_units // max(1, most))
    else:
        chunks = alone if apart else chunks_of(threads, FEW_TO_SUM if sums else FEW_TILES)
    return Cut(length, step, grid, run, chunks, all_units, apart, by_pairs)


def few_by_pairs(length: int) -> int:
    """Return up to how many tiles sums over them are made some filters at a time."""
    return FEW_TILES_BY_PAIRS if is_winograd(length) else FEW_PACKED


def near_filters(length: int, ins: int, item: int) -> int:
    """Return of how many of a pair's filters Fourier's spectra are made at a time: of vectors."""
    vector = target().vector_bytes
    lanes = vector // item
    room = cache_bytes() // PAIR_SHARE // (bins_of(length) * 4 * vector)
    return min(ins, max(LEAST_FILTERS, room // lanes * lanes))


def summed_filters(length: int, ins: int, item: int) -> int:
    """Return of how many of a pair's filters sums over tiles are made at a time."""
    return min(ins, PART_FILTERS) if is_winograd(length) else near_filters(length, ins, item)


def _sums_to_share(case: Correlation, length: int, item: int) -> int:
    """Return the tickets for sums that are made by pairs."""
    pairs = case.groups * pairs_of(case.outs, item)
    return pairs * -(-case.ins // summed_filters(length, case.ins, item))


def bins_of(length: int) -> int:
    """Return the pairs of numbers in the spectrum of a tile.

    Those of Fourier's are complex, some without an imaginary part; Winograd's are any two.
    """
    return length**2 // 2 + (0 if is_winograd(length) else 2)


def filter_bytes(case: Correlation, length: int, item: int) -> int:
    """Return the bytes of the spectra of all filters."""
    row = row_bytes(case.outs, item, 2 * target().vector_bytes)
    return case.groups * bins_of(length) * case.ins * 2 * row


def pairs_of(channels: int, item: int) -> int:
    """Return how many pairs of vectors the channels of a group make."""
    vector = target().vector_bytes
    return row_bytes(channels, item, 2 * vector) // (2 * vector)


def row_bytes(channels: int, item: int, vector: int) -> int:
    """Return the bytes of one number for each channel of a group: whole vectors."""
    return -(-channels * item // vector) * vector


def odd_lines(size: int) -> int:
    """Return at least `size` bytes, an odd number of cache lines: no power of two."""
    lines = -(-size // LINE_BYTES)
    return (lines + 1 - lines % 2) * LINE_BYTES


def compiled_rows(count: int, length: int) -> int:
    """Round a number of rows up to what functions are compiled for: to fours.

    Winograd's transforms depend on it.
    """
    return count if is_winograd(length) else min(length, -(-count // 4) * 4)
