"""Many peers at once, simulated by one process: what a box costs on a large network."""
