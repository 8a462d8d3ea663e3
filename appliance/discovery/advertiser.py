"""When this node's announcement must say something new, and what.

Strategy: the machine remembers what is on the wire and what should be. A change that comes alone goes out at once; for
1.2 s after it further ones are held together, so a burst costs less than one packet a second. The
``ver_*`` counters are told in peer-to-peer mode only and go on counting throughout (IS-04 Discovery - Peer to Peer
Operation: withdrawn once the node *is* registered). A node that speaks nothing older than v1.3 is not announced at all
in registered operation (same place, "DNS-SD Advertisement").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from appliance.config.model import DiscoveryMode
from appliance.core.types import Kind
from appliance.discovery.txt import node_txt, version_key

MIN_INTERVAL_S = 1.2
"""Over a second: a listener lets a new record take the place of one that is younger only beside it (RFC 6762 10.2)."""
_ANNOUNCED_ALWAYS = (1, 2)
"""Up to this version a node must be announced, registered or not."""

Txt = Mapping[str, str]


class Advertiser:
    """Inputs are ``handle_*``, each with ``now`` in monotonic seconds; ``due`` gives the TXT to publish now, if any.

    After each input: publish ``due(now)`` where it is not ``None``, and call ``due`` again at ``get_timer()``.
    """

    def __init__(
        self, mode: DiscoveryMode, api_versions: Sequence[str], counters: Mapping[Kind, int], api_proto: str = "http"
    ) -> None:
        self._mode = mode
        self._api_proto = api_proto
        self.api_auth = False
        self._api_versions = tuple(api_versions)
        self._counters = dict(counters)
        self._registered = False
        self._network = False
        self._published: Txt | None = None
        self._published_at = float("-inf")

    def handle_counters(self, counters: Mapping[Kind, int]) -> None:
        """A commit moved the counters, or did not."""
        self._counters = dict(counters)

    def handle_registered(self, registered: bool) -> None:
        """A registry has this node, or no longer has it; what is not announced now will be announced anew."""
        self._registered = registered
        if self.is_silent:
            self._published = None

    def handle_network(self, usable: bool) -> None:
        """Multicast works or does not; what was published is forgotten by the time it works again."""
        self._network = usable
        if not usable:
            self._published = None
            self._published_at = float("-inf")

    @property
    def is_silent(self) -> bool:
        """Whether this node is not to be announced, because there is a registry or should be one."""
        old = any(version_key(version) <= _ANNOUNCED_ALWAYS for version in self._api_versions)
        return not old and (self._registered or self._mode is DiscoveryMode.REGISTERED)

    @property
    def wanted(self) -> Txt | None:
        """What should be on the wire; ``None`` where this node announces nothing."""
        if self._mode is DiscoveryMode.OFF or not self._network or self.is_silent:
            return None
        counters = self._counters if self._tells_counters else None
        return node_txt(self._api_versions, counters, api_proto=self._api_proto, api_auth=self.api_auth)

    def due(self, now: float) -> Txt | None:
        """What to publish at this moment; the machine takes it as published."""
        if now < self._published_at + MIN_INTERVAL_S:
            return None
        wanted = self.wanted
        if wanted is None or wanted == self._published:
            return None
        self._published, self._published_at = wanted, now
        return wanted

    def get_timer(self) -> float | None:
        """When ``due`` must be asked again, if nothing else happens before."""
        if self.wanted in (None, self._published):
            return None
        return self._published_at + MIN_INTERVAL_S

    @property
    def _tells_counters(self) -> bool:
        return self._mode is not DiscoveryMode.REGISTERED and not self._registered
