"""When streams that left a port go back to it.

A port that lost its cable is left at once. When it has its cable again it may lose it again, and a switch that has the
spanning tree protocol to speak first lets nothing through for half a minute (IEEE 802.1D: twice 15 s). A sender's move
is felt by all its receivers, who must fetch its SDP anew. So a port must have been good for a while before anything
goes back; then everything does that had it by order of preference.
"""

from __future__ import annotations

from appliance.network.model import NetworkState


class Returning:
    """Which ports have just come. ``after_s``: how long one must have been good."""

    def __init__(self, state: NetworkState, after_s: float) -> None:
        self._after_s = after_s
        self._good = _usable(state)
        self._since: dict[str, float] = {}
        self.back: frozenset[str] = frozenset()

    def observe(self, state: NetworkState, now: float) -> None:
        """The network as it is now. `back` are those that were gone, came, and have been good for long enough."""
        good = _usable(state)
        came = dict.fromkeys(good - self._good, now)
        self._since = came | {name: since for name, since in self._since.items() if name in good}
        self._good = good
        self.back = frozenset(name for name, since in self._since.items() if now >= since + self._after_s)

    def trusted(self, name: str) -> bool:
        """Whether a stream may go there from another port that it could stay on."""
        return name not in self._since or name in self.back

    def welcomed(self) -> None:
        """Everything has gone back that had to."""
        for name in self.back:
            self._since.pop(name, None)
        self.back = frozenset()

    def due(self) -> float | None:
        """When to `observe` again, if nothing happens before."""
        waiting = [since + self._after_s for name, since in self._since.items() if name not in self.back]
        return min(waiting, default=None)


def _usable(state: NetworkState) -> frozenset[str]:
    return frozenset(interface.name for interface in state.interfaces.values() if interface.usable)
