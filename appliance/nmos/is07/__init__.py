"""IS-07 Event & Tally v1.0: event types, messages, the state of every source, and how both ends talk."""
