"""All that watches the network for traps, as one part of the box."""

from __future__ import annotations

import time
from collections.abc import Mapping

from appliance.config.model import Config, ReceiverConfig, SenderConfig
from appliance.core.store import Store
from appliance.edge.kernel_settings import rp_filter
from appliance.edge.media import Media
from appliance.edge.querier_ears import QuerierEars
from appliance.edge.trapping import Faces, Trapping
from appliance.media.inspect import Inspector, Senses
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
    ) -> None:
        self._media = media
        self._queriers = QuerierEars(network, time.monotonic, self._on_queriers)
        self._queriers.open()
        senses = Senses(rp_filter, self._queriers.unasked, lambda id: media.status(id).signal)
        self.inspector = Inspector(config, endpoints, store, network, commitments, senses)
        self._trapping = Trapping(self.inspector, store, network, faces)

    def start(self) -> None:
        """On the running event loop, when the streams run."""
        self._media.subscribe(self._trapping.on_status)
        self._queriers.start()
        self._trapping.start()

    def reconfigured(self) -> None:
        """There are other senders and receivers now."""
        self._trapping.reconfigured()

    def _on_queriers(self) -> None:
        self._trapping.look_at_all()

    def stop(self) -> None:
        self._trapping.stop()
        self._queriers.stop()
