"""Did this commit make it slower: two commits measured in turns, and judged with known errors."""
