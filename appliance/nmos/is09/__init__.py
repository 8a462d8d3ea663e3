"""IS-09: what the system that a box is part of wants of it."""
