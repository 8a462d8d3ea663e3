"""DNS-SD as values: the records that tell of a service instance, what is made of them, and what to ask for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

NODE_TYPE = "_nmos-node._tcp.local."


@dataclass(frozen=True, slots=True)
class Ptr:
    """``instance`` is a service of the type ``name``. ``ttl`` in seconds, 0 in a goodbye."""

    name: str
    ttl: float
    instance: str


@dataclass(frozen=True, slots=True)
class Srv:
    """The instance ``name`` is served by ``server`` at ``port``."""

    name: str
    ttl: float
    server: str
    port: int


@dataclass(frozen=True, slots=True)
class Txt:
    """What the instance ``name`` says of itself, as raw strings (RFC 6763 section 6)."""

    name: str
    ttl: float
    data: bytes


@dataclass(frozen=True, slots=True)
class Address:
    """The host ``name`` has ``ip`` (``fe80::1%2`` with its zone). ``flush``: older ones of its family are outdated."""

    name: str
    ttl: float
    ip: str
    flush: bool = True


Record = Ptr | Srv | Txt | Address


@dataclass(frozen=True, slots=True)
class Question:
    """Something to ask the network: ``rtype`` SRV, TXT, A or AAAA."""

    name: str
    rtype: str


@dataclass(frozen=True, slots=True)
class Instance:
    """A service instance, complete. ``name`` is its full name; ``addresses`` IPv4 first, then IPv6, link-local last."""

    name: str
    server: str
    port: int
    addresses: tuple[str, ...]
    txt: bytes

    @property
    def label(self) -> str:
        """The part of the name that is for people."""
        return self.name.split("._", 1)[0]


class Evidence(StrEnum):
    """What an announcement says beyond its content.

    CHANGE: something in it is new. AGAIN: nothing is, and nobody had asked: its sender had a reason of its own.
    RESTART: it was preceded by a probe (RFC 6762 section 8.1), so its sender begins anew. RETURN: it was silent before.
    """

    CHANGE = "change"
    AGAIN = "again"
    RESTART = "restart"
    RETURN = "return"


@dataclass(frozen=True, slots=True)
class Announced:
    """The instance is there."""

    instance: Instance
    evidence: Evidence = Evidence.CHANGE


@dataclass(frozen=True, slots=True)
class Silent:
    """Its SRV or address record expired, or was not reconfirmed: it is probably gone, though it never said so."""

    name: str


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """It said goodbye and did not come back, or its PTR record expired."""

    name: str


Event = Announced | Silent | Withdrawn
