"""A sender's transport file: the SDP of its active state, from the store as it is now."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from appliance.config.model import SenderConfig
from appliance.core.store import Store
from appliance.core.tai import parse_tai
from appliance.core.types import JSON, Kind
from appliance.errors import NotFound
from appliance.nmos.is05.connections import Connections
from appliance.nmos.is05.endpoint import Endpoint
from appliance.nmos.is05.resolve import Network, is_unset
from appliance.nmos.is05.sdp.describe import describe
from appliance.nmos.is05.sdp.formats import Packing
from appliance.nmos.is05.sdp.write import write
from appliance.web.messages import Dependency


class TransportFiles:
    """The SDP files of all RTP senders, also of those that are switched off, so that a receiver can be prepared."""

    def __init__(
        self,
        store: Store,
        connections: Connections,
        network: Network,
        *,
        ttl: int,
        ptp_domain: Callable[[], int] = lambda: Packing().ptp_domain,
    ) -> None:
        self._store = store
        self._connections = connections
        self._network = network
        self._ttl = ttl
        self._ptp_domain = ptp_domain

    def sdp(self, endpoint: Endpoint) -> str:
        """:class:`NotFound` says why there is none (yet)."""
        if not endpoint.transport.is_rtp:
            raise NotFound(f"sender {endpoint.name} has no transport file: {endpoint.transport} has none")
        params = self._connections.connection(endpoint)["active"]["transport_params"]
        if any(is_unset(leg) for leg in params if leg["rtp_enabled"]):
            raise NotFound(f"sender {endpoint.name} has no transport file yet: it has no address to send from")
        sender, flow, source = self._described(endpoint)
        session = describe(
            sender,
            flow,
            source,
            params,
            clock=self._clock_of(source),
            interfaces={index: self._mac(leg["source_ip"]) for index, leg in enumerate(params)},
            session_id=uuid.UUID(endpoint.id).int >> 76,
            session_version=self._version(sender, flow, source),
            packing=self._packing(endpoint),
        )
        return write(session)

    def sdp_if_any(self, endpoint: Endpoint) -> str | None:
        try:
            return self.sdp(endpoint)
        except NotFound:
            return None

    def depends(self, endpoint: Endpoint) -> tuple[Dependency, ...]:
        """What an SDP file was made from, for answers that are kept ready."""
        sender, flow, source = self._described(endpoint)
        return (
            ("connection", endpoint.id),
            (Kind.SENDER.value, sender["id"]),
            (Kind.FLOW.value, flow["id"]),
            (Kind.SOURCE.value, source["id"]),
            (Kind.NODE.value, None),
        )

    def _described(self, endpoint: Endpoint) -> tuple[JSON, JSON, JSON]:
        sender = self._store.get(Kind.SENDER, endpoint.id) or {}
        flow = self._store.get(Kind.FLOW, endpoint.flow_id or "")
        source = self._store.get(Kind.SOURCE, flow["source_id"]) if flow else None
        if flow is None or source is None:
            raise NotFound(f"sender {endpoint.name} has no transport file: it has no flow")
        return sender, flow, source

    def _clock_of(self, source: JSON) -> JSON | None:
        clocks: list[JSON] = self._store.node["clocks"]
        return next((clock for clock in clocks if clock["name"] == source.get("clock_name")), None)

    def _mac(self, ip: str) -> str | None:
        owner = self._network.state.owner_of(ip)
        return owner.port_id if owner else None

    def _version(self, *resources: JSON) -> int:
        """Grows whenever the file may differ (RFC 8866 section 5.2)."""
        return max(parse_tai(body["version"]) for body in (*resources, self._store.node))

    def _packing(self, endpoint: Endpoint) -> Packing:
        config = endpoint.config
        ptime_ms = config.packet_time_ms if isinstance(config, SenderConfig) else 1.0
        return Packing(ptime_ms=ptime_ms, ttl=self._ttl, ptp_domain=self._ptp_domain())
