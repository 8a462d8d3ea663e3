"""Each stream's way through the network as it is now, and what lies in that way."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from appliance.config.model import Config, ReceiverConfig, SenderConfig
from appliance.core.store import Store
from appliance.media.engine import Job
from appliance.media.jobs import desired
from appliance.media.paths import paths
from appliance.network.model import Network, RpFilter
from appliance.network.room import Commitments
from appliance.network.traps import Path, hints_of, traps_of, traps_of_host
from appliance.nmos.is05.receiverfile import origin_of

ASPECT = "connection"


class Inspector:
    """``endpoints`` by IS-04 id."""

    def __init__(
        self,
        config: Config,
        endpoints: Mapping[str, SenderConfig | ReceiverConfig],
        store: Store,
        network: Network,
        rp_filter: RpFilter,
        commitments: Commitments,
    ) -> None:
        self.endpoints = endpoints
        self._config, self._store, self._network, self._rp_filter = config, store, network, rp_filter
        self._commitments = commitments

    def traps(self, id: str) -> tuple[str, ...]:
        """What will keep a sender or receiver from working, or may."""
        state = self._network.snapshot()
        return self._each(id, lambda path: traps_of(path, state, self._network, self._rp_filter))

    def hints(self, id: str) -> tuple[str, ...]:
        """What works by luck only."""
        state = self._network.snapshot()
        return self._each(id, lambda path: hints_of(path, state, self._network))

    def host_traps(self) -> tuple[str, ...]:
        """What may harm every stream."""
        return traps_of_host(self._network.snapshot(), self._commitments)

    def _each(self, id: str, look: Callable[[Path], tuple[str, ...]]) -> tuple[str, ...]:
        active = (self._store.aspect(ASPECT, id) or {}).get("active") or {}
        job = desired(id, self.endpoints[id], active, self._network.snapshot(), self._config)
        if not isinstance(job, Job):
            return ()
        origin = origin_of((active.get("transport_file") or {}).get("data"))
        return tuple(dict.fromkeys(sentence for path in paths(job, origin) for sentence in look(path)))
