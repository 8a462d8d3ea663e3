"""Edges: where the rules meet sockets, processes, files and the event loop."""
