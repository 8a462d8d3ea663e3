"""Tests with real sockets, real processes and a LAN of network namespaces."""
