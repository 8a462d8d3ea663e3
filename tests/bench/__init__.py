"""`make bench`: measures the product on this machine, in network namespaces of its own. It asserts nothing."""
