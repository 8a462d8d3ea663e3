"""IS-04: the Node API and the resources it serves."""
