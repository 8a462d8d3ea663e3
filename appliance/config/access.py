"""What the configuration says of who may reach the box, and whom it asks for others."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AccessConfig:
    """[access]: who may reach the box's APIs and pages, by address; docs/security.md says what that is worth.

    ``read``: networks ("10.0.0.0/24", "fd00::/8", "10.0.0.7") whose hosts may look; none: all. ``change``: those whose
    hosts may also change something; none: all that may look. The box itself may always. ``origins``: the web sites
    whose pages may use the NMOS APIs ("https://control.example.com"); "*": all, as IS-04 wants it.

    ``contact``: networks in which a controller may name hosts for the box to contact (a server of events, a broker, a
    transport file); none: any for what IS-05 offers, and for transport files only the sender's own node and the
    controller itself.
    """

    read: tuple[str, ...] = ()
    change: tuple[str, ...] = ()
    origins: tuple[str, ...] = ("*",)
    contact: tuple[str, ...] = ()
