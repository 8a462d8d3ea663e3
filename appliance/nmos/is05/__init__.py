"""IS-05: the Connection API; staged, active, auto, and SDP."""
