"""IS-08 v1.0, Audio Channel Mapping."""
