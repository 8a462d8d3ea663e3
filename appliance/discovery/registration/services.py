"""Which services of a kind are on the network, and in which order to use them.

For Registration APIs (IS-04 Discovery - Registered Operation) and the System API (IS-09 Discovery - Operation). What is
announced under several names or types but leads to one place is one candidate.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from appliance.discovery.contact import ContactPolicy
from appliance.discovery.records import Instance
from appliance.discovery.service_table import (
    MAX_ADDRESSES,
    Lots,
    ServiceTable,
    best_first,
    url_of,
)
from appliance.discovery.txt import DEVELOPMENT_PRIORITY, highest_common, read_service_txt, version_key

REGISTER_TYPE = "_nmos-register._tcp.local."
LEGACY_REGISTER_TYPE = "_nmos-registration._tcp.local."
SYSTEM_TYPE = "_nmos-system._tcp.local."

MAX_SERVICES = 100

Place = tuple[str, int]
"""An IP address and a port."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An API to use. ``url`` is without a path; ``version`` is ``None`` where the service has yet to be asked;
    ``host`` (and port) is whom it must prove to be, where that is not what the URL says."""

    url: str
    version: str | None
    priority: int = 0
    instance: str | None = None
    versions: tuple[str, ...] = ()
    host: str = ""

    @property
    def headers(self) -> dict[str, str]:
        """What requests to it carry."""
        return {"Host": self.host} if self.host else {}

    @property
    def name(self) -> str:
        """What people call it."""
        return self.instance.split("._", 1)[0] if self.instance else self.url


def headers_for(url: str, candidates: Collection[Candidate]) -> dict[str, str]:
    """What a request to one of them carries. One that has been withdrawn is not asked for who it is: it fails."""
    return next((each.headers for each in candidates if url.startswith(f"{each.url}/")), {})


def registration_types(versions: Collection[str]) -> tuple[str, ...]:
    """What to browse for: the old type too, for a node of v1.2 or lower (IS-04 Upgrade Path)."""
    old = any(version_key(version) <= (1, 2) for version in versions)
    return (REGISTER_TYPE, LEGACY_REGISTER_TYPE) if old else (REGISTER_TYPE,)


class Services(ServiceTable):
    """``candidates`` is the list to use, best first."""

    def __init__(
        self,
        versions: Sequence[str],
        random: Callable[[], float],
        *,
        development: bool = False,
        allow_local: bool = False,
        tls_only: bool = False,
        authorized: Callable[[], bool] = lambda: False,
    ) -> None:
        """``authorized``: whether this box sends tokens to services of this kind, and so uses those only that want
        them (IS-04 Discovery - Registered Operation, ``api_auth``)."""
        super().__init__(MAX_SERVICES)
        self._authorized = authorized
        self._versions = tuple(versions)
        self._development = development
        self._policy = ContactPolicy(allow_local=allow_local)
        self._tls_only = tls_only
        self._lots = Lots(random, 10 * MAX_SERVICES)

    def candidates(self, own: Collection[Place] = ()) -> tuple[Candidate, ...]:
        """The highest common version first, then ``pri``, ties as the lots fell, and what is silent behind all that.

        Never this box itself (``own``).
        """
        return best_first(self._ranked(own))

    def unsuitable(self, own: Collection[Place] = ()) -> tuple[str, ...]:
        """Why each of the others is not used, a sentence each."""
        judged = ((instance, self._judge(instance, own)) for instance in self.instances())
        return tuple(f"{instance.label}: {why}" for instance, why in judged if isinstance(why, str))

    def _ranked(self, own: Collection[Place]) -> Iterator[tuple[tuple[bool, tuple[int, int], int, float], Candidate]]:
        """All places of an instance rank as the first of them."""
        for instance in self.instances():
            if not isinstance(found := self._judge(instance, own), str):
                first = found[0]
                lot = self._lots.of(first.url)
                rank = self.is_silent(instance), _oldest_last(first.version), first.priority, lot
                yield from ((rank, candidate) for candidate in found)

    def _judge(self, instance: Instance, own: Collection[Place]) -> list[Candidate] | str:
        """The places of an instance, or why it is of no use."""
        txt = read_service_txt(instance.txt)
        if txt.api_proto not in ("http", "https"):
            return f"api_proto is {txt.api_proto or 'none'}, this box speaks http and https"
        if self._tls_only and txt.api_proto == "http":
            return "api_proto is http, this box speaks https only (tls.allow_plain in its configuration)"
        if txt.api_auth and not self._authorized():
            return "it wants authorization, which this box has not"
        if self._authorized() and not txt.api_auth:
            return "api_auth is false, this box sends its token to those only that want one"
        version = highest_common(self._versions, txt.api_ver)
        if version is None:
            return f"it speaks {', '.join(txt.api_ver) or 'no version'}, this box {', '.join(self._versions)}"
        if txt.priority >= DEVELOPMENT_PRIORITY and not self._development:
            return f"pri {txt.priority} is for development"
        addresses = [
            ip
            for ip in instance.addresses
            if self._policy.permitted(ip, instance.port) and (ip, instance.port) not in own
        ]
        if not addresses:
            return "it has no address that may be used"
        host = f"{instance.server.rstrip('.')}:{instance.port}" if txt.api_proto == "https" else ""
        return [
            Candidate(url_of(ip, instance.port, txt.api_proto), version, txt.priority, instance.name, txt.api_ver, host)
            for ip in addresses[:MAX_ADDRESSES]
        ]


def _oldest_last(version: str | None) -> tuple[int, int]:
    major, minor = version_key(version or "v0.0")
    return -major, -minor
