"""The definition in compiled register blocks: numba, straight from planes in memory."""
