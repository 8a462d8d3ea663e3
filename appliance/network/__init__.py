"""Network: the host's interfaces, the kernel's routes, and which of them a stream should use and why."""
