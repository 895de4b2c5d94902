"""What the gate, asv and pyperf find of slowdowns that are known, and how often they cry wolf."""
