"""The system around the box: clock, logging, systemd, metrics."""
