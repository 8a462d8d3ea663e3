"""Registered operation: which registry to use (services), what it holds of us (ledger), how to get there (machine)."""
