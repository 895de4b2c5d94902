"""What methods share that is compiled: vectors, threads, memory to work in."""
