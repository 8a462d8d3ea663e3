"""`make soak`: boxes on a LAN that is never quiet, for an hour; what they use must not grow.

- `place`: the LAN and who is on it
- `acts`: what happens there
- `samples`, `flatness`: what a box uses, and whether that stays
- `turns`: fuzzers and chaos, beside it, one after the other
"""
