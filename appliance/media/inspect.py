"""Each stream's way through the network as it is now, and what lies in that way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from appliance.config.model import Config, ReceiverConfig, SenderConfig
from appliance.core.store import Store
from appliance.media.engine import Job
from appliance.media.jobs import desired
from appliance.media.paths import paths
from appliance.network.model import Network, RpFilter
from appliance.network.queriers import Unasked, hints_unasked, traps_unasked
from appliance.network.room import Commitments
from appliance.network.traps import Path, hints_of, traps_of, traps_of_host
from appliance.nmos.is05.receiverfile import origin_of

ASPECT = "connection"


@dataclass(frozen=True, slots=True)
class Senses:
    """What is asked of the host when it is wanted: the kernel's settings, whether nobody asks for memberships,
    whether a stream arrives, and in a sentence each where others' mDNS does not."""

    rp_filter: RpFilter
    unasked: Unasked
    signal: Callable[[str], bool | None]
    deaf: Callable[[], tuple[str, ...]]


class Inspector:
    """``endpoints`` by IS-04 id."""

    def __init__(
        self,
        config: Config,
        endpoints: Mapping[str, SenderConfig | ReceiverConfig],
        store: Store,
        network: Network,
        commitments: Commitments,
        senses: Senses,
    ) -> None:
        self.endpoints = endpoints
        self._config, self._store, self._network = config, store, network
        self._commitments, self._senses = commitments, senses

    def traps(self, id: str) -> tuple[str, ...]:
        """What will keep a sender or receiver from working, or may."""
        state, senses, signal = self._network.snapshot(), self._senses, self._senses.signal(id)

        def look(path: Path) -> tuple[str, ...]:
            found = traps_of(path, state, self._network, senses.rp_filter)
            return (*found, *traps_unasked(path, senses.unasked, signal))

        return self._each(id, look)

    def hints(self, id: str) -> tuple[str, ...]:
        """What works by luck only."""
        state, senses, signal = self._network.snapshot(), self._senses, self._senses.signal(id)

        def look(path: Path) -> tuple[str, ...]:
            return (*hints_of(path, state, self._network), *hints_unasked(path, senses.unasked, signal))

        return self._each(id, look)

    def host_traps(self) -> tuple[str, ...]:
        """What may harm every stream."""
        return (*traps_of_host(self._network.snapshot(), self._commitments), *self._senses.deaf())

    def _each(self, id: str, look: Callable[[Path], tuple[str, ...]]) -> tuple[str, ...]:
        endpoint = self.endpoints.get(id)
        if endpoint is None:  # a reload goes on: it comes, or has gone, in one of the next steps
            return ()
        active = (self._store.aspect(ASPECT, id) or {}).get("active") or {}
        job = desired(id, endpoint, active, self._network.snapshot(), self._config)
        if not isinstance(job, Job):
            return ()
        origin = origin_of((active.get("transport_file") or {}).get("data"))
        return tuple(dict.fromkeys(sentence for path in paths(job, origin) for sentence in look(path)))
