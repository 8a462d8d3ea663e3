"""Channel mapping as one part of the box: the map, its API and its times, and the mixer that does it.

A box whose configuration maps nothing has none of it, and loads none of it.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping

from appliance.config.mapping import MappingConfig
from appliance.config.model import Config, ReceiverConfig, SenderConfig
from appliance.core.ids import Identities
from appliance.core.store import Store, Transaction
from appliance.core.types import Clock
from appliance.edge.connecting import ActivationTimer
from appliance.edge.patchbay import Patchbay
from appliance.edge.process import environment
from appliance.nmos.is08.api import ChannelMappingApi
from appliance.nmos.is08.channelmap import ChannelMap
from appliance.nmos.is08.matrix import matrix
from appliance.web.site import Site


class Channels:
    """``endpoints`` by IS-04 id, as the configuration has them now."""

    def __init__(
        self,
        config: Config,
        identities: Identities,
        store: Store,
        clock: Clock,
        endpoints: Mapping[str, SenderConfig | ReceiverConfig],
    ) -> None:
        self._identities = identities
        self._store = store
        self._timer = ActivationTimer()
        self.map = ChannelMap(matrix(config, identities), store, clock, lambda: str(uuid.uuid4()), self._timer.rearm)
        self.map.start()
        self.on = True
        """Whether the configuration maps channels; it did once."""
        self._mapping = config.mapping or MappingConfig()
        self.patchbay = Patchbay(self._mapping, config.media, endpoints, self.map, environment(os.environ))

    def mount(self, site: Site) -> None:
        ChannelMappingApi(self.map, self._store).mount(site, only=lambda request: self.on)

    def start(self) -> None:
        """Do what is scheduled. The mixer starts with the first stream that meets it."""
        self._timer.start(self.map)

    async def stop(self) -> None:
        """Streams that still meet the mixer end with it."""
        self._timer.stop()
        await self.patchbay.stop()

    def reconfigure(self, tx: Transaction, config: Config) -> None:
        """A reload: as much of the map stays as still can be."""
        self._mapping = config.mapping or MappingConfig()
        self.map.reconfigure(tx, matrix(config, self._identities))

    def reconfigured(self) -> None:
        """It is done: the mixer follows."""
        self.patchbay.reconfigured(self._mapping)

    async def turn(self, config: Config) -> None:
        """After a reload: on or off, where that is something else than before. The map is kept meanwhile."""
        if self.on == (config.mapping is not None):
            return
        self.on = not self.on
        if not self.on:
            await self.stop()
            return
        with self._store.transaction("channels are mapped again") as tx:
            self.reconfigure(tx, config)
        self.reconfigured()
        self.start()
