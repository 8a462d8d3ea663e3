"""All that watches the network for traps, as one part of the box."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping

from appliance.config.model import Config, DiscoveryMode, ReceiverConfig, SenderConfig
from appliance.core.store import Change, Store
from appliance.discovery.neighbours import neighbours
from appliance.discovery.world import WorldChange
from appliance.edge.discovering import Discovering
from appliance.edge.kernel_settings import rp_filter
from appliance.edge.mdns_hearing import MdnsHearing
from appliance.edge.media import Media
from appliance.edge.querier_ears import QuerierEars
from appliance.edge.trapping import Faces, Trapping
from appliance.media.inspect import ASPECT, Inspector, Senses
from appliance.network.model import Network
from appliance.network.room import Commitments


class Lookout:
    """``inspector`` answers who asks; the ``faces`` are told what changed."""

    def __init__(
        self,
        config: Config,
        endpoints: Mapping[str, SenderConfig | ReceiverConfig],
        store: Store,
        network: Network,
        commitments: Commitments,
        media: Media,
        faces: Faces,
        discovering: Discovering,
    ) -> None:
        self._config, self._store, self._media = config, store, media
        self._discovering, self._world = discovering, discovering.world
        self._queriers = QuerierEars(network, time.monotonic, self._on_queriers)
        self._queriers.open()
        self._hearing = MdnsHearing(network, discovering.mdns, self._neighbours, self._on_hearing)
        senses = Senses(rp_filter, self._queriers.unasked, lambda id: media.status(id).signal, self._hearing.traps)
        self.inspector = Inspector(config, endpoints, store, network, commitments, senses)
        self._trapping = Trapping(self.inspector, store, network, faces)
        self._unsubscribe: list[Callable[[], None]] = []
        self._lost: set[str] = set()

    def start(self) -> None:
        """On the running event loop, when the streams run."""
        self._media.subscribe(self._trapping.on_status)
        self._queriers.start()
        self._trapping.start()
        if self._config.discovery.mode is not DiscoveryMode.OFF:
            self._unsubscribe = [self._world.subscribe(self._on_world), self._store.subscribe(self._on_store)]
            self._hearing.start()

    def reconfigured(self) -> None:
        """There are other senders and receivers now."""
        self._trapping.reconfigured()

    async def stop(self) -> None:
        while self._unsubscribe:
            self._unsubscribe.pop()()
        self._trapping.stop()
        self._queriers.stop()
        await self._hearing.stop()

    def _on_queriers(self) -> None:
        self._trapping.look_at_all()

    def _on_hearing(self) -> None:
        self._trapping.look_at_host()

    def _neighbours(self) -> Iterator[str]:
        registry = self._discovering.registering.status().registry
        return neighbours(self._store.aspects(ASPECT), registry or self._config.discovery.registry, self._world)

    def _on_world(self, change: WorldChange) -> None:
        peers = {key: peer for key in change.peers if (peer := self._world.peers.get(key)) is not None}
        lost = {key for key, peer in peers.items() if peer.lost_since is not None}
        self._hearing.fell_silent(ip for key in lost - self._lost for ip in peers[key].addresses)
        self._lost = (self._lost - change.peers) | lost
        self._hearing.named()

    def _on_store(self, change: Change) -> None:
        if any(True for _ in change.touches(ASPECT)):
            self._hearing.named()
