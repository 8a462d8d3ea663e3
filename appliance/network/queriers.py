"""Whether somebody asks on each interface who is a member of which group (IGMP, MLD).

A switch that filters multicast (IGMP snooping) knows from the answers where to pass a group on, and forgets: without a
querier it stops a few minutes after a join. A switch that does not filter needs none, and a network without one may be
perfectly well. So silence is a trap only where nothing of a stream arrives either, and else a hint for who asks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from appliance.network.model import NetworkState, Role, parsed
from appliance.network.traps import Path

SILENCE_S = 260.0
"""The group membership interval, after which a switch has forgotten (RFC 3376 section 8.4, RFC 3810 section 9.4)."""

Unasked = Callable[[str, int], bool | None]
"""Whether nobody has asked on an interface, for an IP version, for so long; `None` where that cannot be known."""


class Queriers:
    """When each interface was asked last. An interface without a cable is not listened to."""

    def __init__(self) -> None:
        self._since: dict[str, float] = {}
        self._heard: dict[tuple[str, int], float] = {}

    def observe(self, state: NetworkState, now: float) -> None:
        """The network as it is now: a cable that was plugged in begins a new time of listening."""
        plugged = [i.name for i in state.interfaces.values() if i.up and i.carrier and not i.loopback]
        self._since = {name: self._since.get(name, now) for name in plugged}
        self._heard = {key: at for key, at in self._heard.items() if key[0] in self._since}

    def heard(self, interface: str, version: int, now: float) -> bool:
        """A query came; says whether that is news after silence."""
        was_silent = self.unasked(interface, version, now)
        if interface in self._since:
            self._heard[interface, version] = now
        return was_silent

    def unasked(self, interface: str, version: int, now: float) -> bool:
        """Whether nobody has asked there for as long as it takes a switch to forget."""
        if interface not in self._since:
            return False
        return now - self._last(interface, version) >= SILENCE_S

    def due(self, now: float) -> float | None:
        """When silence will have lasted long enough somewhere, if it lasts."""
        ends = (self._last(name, version) + SILENCE_S for name in self._since for version in (4, 6))
        return min((end for end in ends if end > now), default=None)

    def _last(self, interface: str, version: int) -> float:
        return max(self._since[interface], self._heard.get((interface, version), 0.0))


def traps_unasked(path: Path, unasked: Unasked, signal: bool | None) -> Iterator[str]:
    """Where a stream was joined and nothing comes; ``signal`` as `StreamStatus` has it."""
    version = _joined(path)
    if version is not None and signal is False and unasked(path.interface, version):
        yield (
            f"{path.interface}: nothing of {path.destination} arrives, and {_nobody(version)}; a switch that filters "
            "multicast (IGMP snooping) passes nothing on then: switch a querier on in it, or the filter off"
        )


def hints_unasked(path: Path, unasked: Unasked, signal: bool | None) -> Iterator[str]:
    """The same where something comes, or nobody can say."""
    version = _joined(path)
    if version is None:
        return
    silent = unasked(path.interface, version)
    if silent is None:
        yield (
            f"{path.interface}: whether a querier asks there for multicast memberships is not known, as the box may "
            "not listen to that (CAP_NET_RAW)"
        )
    elif silent and signal is not False:
        yield (
            f"{path.interface}: {_nobody(version)}; a switch that filters multicast (IGMP snooping) would stop passing "
            "streams on after some minutes, one that does not filter needs no querier"
        )


def _joined(path: Path) -> int | None:
    """The IP version of the group that a receiver's leg has joined."""
    group = parsed(path.destination)
    return group.version if path.role is Role.RECEIVER and group.is_multicast else None


def _nobody(version: int) -> str:
    protocol = "IGMP" if version == 4 else "MLD"
    return f"no {protocol} querier was heard there for over four minutes"
