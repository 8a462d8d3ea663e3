"""Core: the store, transactions, versions, counters, stable ids and what of them is kept."""
