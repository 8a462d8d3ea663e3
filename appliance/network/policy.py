"""Which interface and address a leg uses where its parameter is ``auto``, and the reason in a sentence for people.

The rules, in order; the first that has an answer decides:

1. an address that was asked for (not ``auto``) wins, if it is one of ours that this leg may use;
2. only interfaces stay that are up, have a cable and an address of the stream's family, and not those on the port
   that the other leg of an ST 2022-7 pair uses, while there is another;
3. the one with the address that a unicast stream is sent to;
4. the one out of which the kernel would reach the source: reverse path filtering drops what comes in elsewhere;
5. the one out of which the kernel would send to the destination;
6. one whose subnet has the source, or the unicast destination, in it: the kernel prefers another interface, but that
   one may not be used here;
7. the first in order of preference.

Where the port that they lead to has no room for the stream, another one that does as well takes its place: any where
only the order or the route of a sender's group spoke for the first, else one in the same subnet. Where no port has
room, it is the one that has most.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from appliance.network.model import Interface, NetworkState, Role, Routes, RpFilter, needs_zone, parsed
from appliance.network.room import NO_LOAD, Load, mbit, room, used


@dataclass(frozen=True, slots=True)
class Question:
    """What is known of one leg. All addresses without zone or prefix length.

    ``destination``: the group or unicast address that the stream is sent to; ``source``: who sends it (a receiver's
    SDP: source-filter, else origin); ``allowed``: the interfaces that the leg is configured for, in order of
    preference, empty for all media interfaces; ``avoid``: those that the other leg of a pair has already;
    ``pinned``: the address asked for instead of ``auto``; ``load``: how much there is to carry.
    """

    role: Role
    destination: str | None = None
    source: str | None = None
    allowed: tuple[str, ...] = ()
    avoid: tuple[str, ...] = ()
    pinned: str | None = None
    load: Load = NO_LOAD


@dataclass(frozen=True, slots=True)
class Choice:
    """The interface, its address to use, and why: "eth1: the kernel routes the source 10.1.0.7 there".

    ``by_order``: no rule but the order of preference (7) had an answer."""

    interface: str
    address: str
    reason: str
    by_order: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """No interface will do, and why: "no media interface can be used: eth0 has no carrier, eth1 has no address"."""

    reason: str


_NO_CARRIER = "has no carrier"
_STRICT = 1


def _unknown(_interface: str) -> int | None:
    return None


def choose(question: Question, state: NetworkState, routes: Routes, rp_filter: RpFilter = _unknown) -> Choice | Refusal:
    """The interface and address for one leg; see the module for the rules."""
    if question.pinned is not None:
        return _pinned(question, question.pinned, state)
    names = question.allowed or state.media
    version = _version(question)
    obstacles = {name: obstacle(state.interfaces.get(name), version, question.destination) for name in names}
    usable = [state.interfaces[name] for name in names if obstacles[name] is None]
    if not usable:
        return Refusal(_nothing_usable(obstacles, _whose(question)))
    if version is None:
        version = 4 if any(interface.of_version(4) for interface in usable) else 6
        usable = [interface for interface in usable if interface.of_version(version)]
    ports = {state.port(name) for name in question.avoid}
    apart = [interface for interface in usable if state.port(interface.name) not in ports]
    beside = [interface for interface in usable if interface.name not in question.avoid]
    choice = _Leg(question, state, routes, apart or beside or usable, version, rp_filter).choose()
    if apart:
        return choice
    return replace(choice, reason=f"{choice.reason}; the other leg uses {_it(choice, state)} too, as there is no other")


def obstacle(interface: Interface | None, version: int | None, destination: str | None) -> str | None:
    """Why the interface cannot be used, as the end of a sentence that begins with its name."""
    if interface is None:
        return "does not exist"
    if not interface.up:
        return "is down"
    if not interface.carrier:
        return _NO_CARRIER
    if not interface.addresses:
        return "has no address"
    if version is not None and not interface.of_version(version):
        return f"has no IPv{version} address"
    # Loopback lacks the flag, but delivers multicast to those who name it.
    if destination is not None and _is_group(destination) and not (interface.multicast or interface.loopback):
        return "cannot do multicast"
    return None


class _Leg:
    """Rules 3 to 7, among the interfaces that can be used."""

    def __init__(
        self,
        question: Question,
        state: NetworkState,
        routes: Routes,
        usable: list[Interface],
        version: int,
        rp_filter: RpFilter,
    ) -> None:
        self._question = question
        self._state = state
        self._routes = routes
        self._usable = {interface.name: interface for interface in usable}
        self._version = version
        self._rp_filter = rp_filter
        self._notes: list[str] = []

    def choose(self) -> Choice:
        rules: tuple[Callable[[], Choice | None], ...] = (
            self._at_its_destination,
            self._towards_source,
            self._towards_destination,
            self._same_subnet,
        )
        for rule in rules:
            if choice := rule():
                return self._with_room(choice)
        return self._with_room(self._first())

    def _at_its_destination(self) -> Choice | None:
        if (ip := self._received_at) is None:
            return None
        owner = self._state.owner_of(ip)
        if owner and owner.name in self._usable:
            return Choice(owner.name, ip, f"{owner.name}: the stream is sent to its address {ip}")
        self._notes.append(f"{ip} is on {owner.name}" if owner else f"{ip} is not an address of this box")
        return None

    def _towards_source(self) -> Choice | None:
        return self._routed(self._source, "the source") if self._source else None

    def _towards_destination(self) -> Choice | None:
        destination = self._question.destination
        if destination is None or self._received_at:
            return None
        return self._routed(destination, "the group" if _is_group(destination) else "the destination")

    def _routed(self, ip: str, what: str) -> Choice | None:
        if owner := self._state.owner_of(ip):
            # The kernel's answer would be loopback, which is not how others reach the stream.
            if interface := self._usable.get(owner.name):
                return self._choice(interface, f"{what} {ip} is this box itself")
            self._notes.append(f"{what} {ip} is this box's {owner.name}")
            return None
        if needs_zone(ip):
            return None
        route = self._routes.lookup(ip)
        if route is None:
            self._notes.append(f"the kernel has no route to {what} {ip}")
        elif interface := self._usable.get(route.interface):
            by = f" by way of {route.gateway}" if route.gateway else ""
            return self._choice(interface, f"the kernel routes {what} {ip} there{by}", route.source)
        else:
            self._notes.append(f"the kernel routes {what} {ip} to {route.interface}")
        return None

    def _same_subnet(self) -> Choice | None:
        peer = self._source or self._question.destination
        if peer is None or needs_zone(peer):
            return None
        for interface in self._usable.values():
            for address in interface.addresses:
                if address.reaches(peer):
                    reason = f"{interface.name}: {peer} is in its subnet {address.subnet}"
                    return Choice(interface.name, address.ip, self._noting(reason))
        return None

    def _first(self) -> Choice:
        interface = next(iter(self._usable.values()))
        rank = "the first" if len(self._usable) > 1 else "the only"
        choice = self._choice(interface, self._noting(f"{rank} {_whose(self._question)} that can be used"))
        return replace(choice, by_order=True)

    def _with_room(self, choice: Choice) -> Choice:
        here, load = self._usable[choice.interface], self._question.load
        if self._room(here) >= 0:
            return choice
        taken = used(self._state, here, load.committed)
        others = [other for other in self._usable.values() if other is not here and self._does_as_well(other, choice)]
        best = next((other for other in others if self._room(other) >= 0), max((here, *others), key=self._room))
        need = f"room for {mbit(load.bit_rate)} Mbit/s"
        if best is here:
            rank = "most room of all that would do, but no" if others else "no"
            return replace(choice, reason=f"{choice.reason}; it has {rank} {need} ({taken})")
        if self._room(best) >= 0:
            reason = f"{best.name}: it has {need}, which {here.name} has not ({taken})"
        else:
            full = used(self._state, best, load.committed)
            reason = f"{best.name}: it has most room, but as {here.name} ({taken}) no {need} ({full})"
        return Choice(best.name, self._address(best, None), f"{reason}; else {choice.reason}", choice.by_order)

    def _room(self, interface: Interface) -> float:
        return room(self._state, interface, self._question.load)

    def _does_as_well(self, other: Interface, choice: Choice) -> bool:
        """Whether what spoke for the choice speaks for another interface too."""
        sends = self._question.role is Role.SENDER
        peer = self._question.destination if sends else self._question.source
        if choice.by_order or (sends and peer is not None and _is_group(peer)):
            return True
        if peer is None or self._received_at or needs_zone(peer):
            return False
        filtered = not sends and self._rp_filter(other.name) == _STRICT
        return not filtered and any(address.reaches(peer) for address in other.addresses)

    def _choice(self, interface: Interface, why: str, source: str | None = None) -> Choice:
        return Choice(interface.name, self._address(interface, source), f"{interface.name}: {why}")

    def _address(self, interface: Interface, source: str | None) -> str:
        """The kernel's preferred source address there, where it says one; else one that others can reach."""
        destination = self._question.destination
        if source is None and destination is not None and _is_group(destination):
            route = self._routes.lookup(destination, interface=interface.name)
            source = route.source if route else None
        addresses = interface.of_version(self._version)
        if source in [address.ip for address in addresses] and source is not None:
            return source
        return min(addresses, key=lambda address: address.link_local).ip

    def _noting(self, reason: str) -> str:
        return f"{reason} ({', '.join(self._notes)})" if self._notes else reason

    @property
    def _source(self) -> str | None:
        """A sender's own source address is what is asked for; it says nothing."""
        return self._question.source if self._question.role is Role.RECEIVER else None

    @property
    def _received_at(self) -> str | None:
        """The unicast address that a receiver is sent to."""
        destination = self._question.destination
        received = self._question.role is Role.RECEIVER and destination is not None and not _is_group(destination)
        return destination if received else None


def _pinned(question: Question, ip: str, state: NetworkState) -> Choice | Refusal:
    owner = state.owner_of(ip)
    version = _version(question)
    if owner is None:
        return Refusal(f"{ip} is not an address of this box")
    if owner.name not in (question.allowed or state.media):
        return Refusal(f"{ip} is on {owner.name}, which is no {_whose(question)}")
    if version not in (None, parsed(ip).version):
        return Refusal(f"{ip} is not of the stream's address family, IPv{version}")
    state_of_it = "" if owner.up and owner.carrier else f" ({owner.name} {obstacle(owner, None, None)})"
    return Choice(owner.name, ip, f"{owner.name}: its address {ip} is asked for{state_of_it}")


def _it(choice: Choice, state: NetworkState) -> str:
    port = state.port(choice.interface)
    return "it" if port == choice.interface else f"its port {port}"


def _nothing_usable(obstacles: dict[str, str | None], whose: str) -> str:
    if not obstacles:
        return "there is no media interface"
    if all(why == _NO_CARRIER for why in obstacles.values()):
        return f"no {whose} has a cable: {', '.join(obstacles)}"
    return f"no {whose} can be used: " + ", ".join(f"{name} {why}" for name, why in obstacles.items())


def _whose(question: Question) -> str:
    return "interface of this leg" if question.allowed else "media interface"


def _version(question: Question) -> int | None:
    ip = question.destination or question.source
    return parsed(ip).version if ip else None


def _is_group(ip: str) -> bool:
    return parsed(ip).is_multicast
