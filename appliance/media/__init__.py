"""Media: what each sender and receiver should be doing, the drivers that can do it, and how they are doing."""
