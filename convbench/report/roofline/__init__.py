"""How far each cell is from what the machine can do."""
