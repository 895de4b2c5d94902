"""What leaving torch costs: a layer of anybody's, timed, taken apart and checked."""
