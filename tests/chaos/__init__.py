"""Chaos: a box on a LAN where everything goes wrong, and what is left of it when that is over.

- `room`: the box, the same box elsewhere where nothing goes wrong, and who lives around them
- `faults`: what goes wrong, each with its end
- `oracle`: what must be true again after each, and after many at once
"""
