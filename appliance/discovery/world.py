"""The world as this box sees it: peers and what they send, in one in-process view.

Whatever feeds it (peers found by mDNS; a registry's Query API), the panel and every other reader look here. Entries
are frozen; a change replaces them and is told to the listeners once, with the ids it concerns.
"""

from __future__ import annotations

from dataclasses import dataclass

from appliance.core.types import JSON


@dataclass(frozen=True, slots=True)
class SenderEntry:
    """One sender somewhere on the network, with what belongs to it, in the API version that its node speaks.

    ``lost_since``: TAI ns since when its node no longer answers (``None``: it is there). ``confirmed``: seen in this
    process's life, not only remembered from before the last power-off. ``peer``: the key of the peer it came from.
    """

    peer: str
    sender: JSON
    flow: JSON | None = None
    source: JSON | None = None
    device: JSON | None = None
    node: JSON | None = None
    api_version: str = "v1.3"
    lost_since: int | None = None
    confirmed: bool = True

    @property
    def id(self) -> str:
        return str(self.sender["id"])
