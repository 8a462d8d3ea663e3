"""Capabilities (BCP-004-01, BCP-004-02): what a stream is, what a receiver takes, and whether the one fits the other.

stream.py      a stream as the Capabilities register sees it, from IS-04 resources, a transport file, or both
match.py       whether it fits a receiver, and if not, because of which constraint
words.py       values and streams in words for people
describe.py    the ``caps`` of this box's own senders and receivers, from the configuration and what the drivers can do
"""
