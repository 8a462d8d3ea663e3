"""From commits to the wire: the store's counters, by way of the advertiser's rules, into the mDNS announcement."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from appliance.config.model import DiscoveryMode
from appliance.core.store import Change, Store
from appliance.discovery.advertiser import Advertiser
from appliance.discovery.records import NODE_TYPE
from appliance.edge.mdns import Announcement, Mdns


@dataclass(frozen=True, slots=True)
class Identity:
    """Under which names and at which addresses the node is announced; without any address it is not."""

    label: str
    server: str
    port: int
    addresses: tuple[str, ...]


class Announcing:
    """``start`` with who we are; ``identity_changed`` when that changes; ``on_usable`` is for ``Mdns``."""

    def __init__(
        self, store: Store, mdns: Mdns, mode: DiscoveryMode, api_versions: Sequence[str], api_proto: str
    ) -> None:
        self._store = store
        self._mdns = mdns
        self._advertiser = Advertiser(mode, api_versions, store.counters, api_proto)
        self._identity: Identity | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._withdrawing: asyncio.Task[None] | None = None
        self._end: Callable[[], None] | None = None

    def authorize(self) -> None:
        """Before the start: the APIs of this box want tokens."""
        self._advertiser.api_auth = True

    def start(self, identity: Identity) -> None:
        """Announce from now on, as soon as multicast works."""
        self._identity = identity
        self._advertiser.handle_counters(self._store.counters)
        self._end = self._store.subscribe(self._on_change)
        self.on_usable(self._mdns.usable)

    def stop(self) -> None:
        """Change nothing more; the goodbye is said by ``Mdns.stop``."""
        if self._end is not None:
            self._end()
            self._end = None
        self._cancel()

    def identity_changed(self, identity: Identity) -> None:
        """Another label, port or set of addresses: announced at once. Between two addresses the last stays."""
        before, self._identity = self._identity, identity
        txt = self._advertiser.wanted
        if before != identity and identity.addresses and txt is not None and self._end is not None:
            self._mdns.announce(_announcement(identity, txt))

    def on_usable(self, usable: bool) -> None:
        """Multicast begins or ceases to work."""
        if self._end is not None:
            self._advertiser.handle_network(usable)
            self._publish()

    def on_registered(self, registered: bool) -> None:
        """A registry has this node, or no longer has it: the counters go, or come back; or all of it does."""
        self._advertiser.handle_registered(registered)
        if self._advertiser.is_silent and self._withdrawing is None and self._end is not None:
            self._withdrawing = asyncio.create_task(self._withdraw(), name="announcement withdrawn")
        self._publish()

    def _on_change(self, change: Change) -> None:
        if change.resources:
            self._advertiser.handle_counters(change.counters)
            if self._timer is None:  # else it is said when that is due
                self._publish()

    async def _withdraw(self) -> None:
        """Say goodbye; what is wanted by the time that this is done is announced then."""
        await self._mdns.withdraw()
        self._withdrawing = None
        self._publish()

    def _publish(self) -> None:
        if self._end is None or self._withdrawing is not None:
            return
        loop = asyncio.get_running_loop()
        self._cancel()
        txt = self._advertiser.due(loop.time())
        if txt is not None and self._identity is not None and self._identity.addresses:
            self._mdns.announce(_announcement(self._identity, txt))
        if (when := self._advertiser.get_timer()) is not None:
            self._timer = loop.call_at(when, self._publish)

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _announcement(identity: Identity, txt: Mapping[str, str]) -> Announcement:
    return Announcement(NODE_TYPE, identity.label, identity.server, identity.port, identity.addresses, txt)
