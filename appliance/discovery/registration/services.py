"""Which services of a kind are on the network, and in which order to use them.

For Registration APIs (IS-04 Discovery - Registered Operation) and the System API (IS-09 Discovery - Operation). What is
announced under several names or types but leads to one place is one candidate. What unicast DNS says of a type takes
the place of what mDNS says (IS-04 Discovery, "Unicast vs. Multicast DNS-SD").
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from appliance.discovery.contact import ContactPolicy
from appliance.discovery.records import Announced, Event, Instance, Silent, Withdrawn
from appliance.discovery.txt import highest_common, read_service_txt, version_key

REGISTER_TYPE = "_nmos-register._tcp.local."
LEGACY_REGISTER_TYPE = "_nmos-registration._tcp.local."
SYSTEM_TYPE = "_nmos-system._tcp.local."

DEVELOPMENT_PRIORITY = 100
"""From here on ``pri`` is for development, away from live systems (IS-04 Discovery - Registered Operation, ``pri``)."""
MAX_SERVICES = 100
MAX_ADDRESSES = 4
"""Of one instance; each is a place to try."""

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


class Services:
    """Inputs are events by name; ``candidates`` is the list to use, best first.

    ``random`` gives numbers in [0, 1); each instance draws one when it appears, so that ties stay as they fell.
    """

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
        self._authorized = authorized
        self._versions = tuple(versions)
        self._random = random
        self._development = development
        self._policy = ContactPolicy(allow_local=allow_local)
        self._tls_only = tls_only
        self._multicast: dict[str, Instance] = {}
        self._silent: set[str] = set()
        self._unicast: dict[str, tuple[Instance, ...]] = {}
        self._lots: dict[str, float] = {}

    def handle_event(self, event: Event) -> frozenset[str]:
        """What mDNS tells; returns the URLs that are announced by it.

        What fell silent stays, as a last choice: perhaps it is only multicast that does not work.
        """
        match event:
            case Announced(instance):
                key = instance.name.lower()
                if key not in self._multicast and len(self._multicast) >= MAX_SERVICES:
                    return frozenset()
                self._multicast[key] = instance
                self._silent.discard(key)
                return self._urls(instance)
            case Silent(name) if name.lower() in self._multicast:
                self._silent.add(name.lower())
            case Withdrawn(name):
                self._multicast.pop(name.lower(), None)
                self._silent.discard(name.lower())
        return frozenset()

    def handle_unicast(self, service_type: str, instances: Sequence[Instance]) -> frozenset[str]:
        """All that unicast DNS knows of a type, named as mDNS names it; returns the URLs that are new."""
        before = {url for instance in self._unicast.get(service_type, ()) for url in self._urls(instance)}
        self._unicast[service_type] = tuple(instances)[:MAX_SERVICES]
        return frozenset(url for instance in instances for url in self._urls(instance)) - before

    def has_unicast(self, service_type: str) -> bool:
        """Whether unicast DNS has an answer, so that mDNS is not to be used."""
        return bool(self._unicast.get(service_type))

    def candidates(self, own: Collection[Place] = ()) -> tuple[Candidate, ...]:
        """The highest common version first, then ``pri``, ties as the lots fell, and what is silent behind all that.

        Never this box itself (``own``).
        """
        judged = (self._judge(instance, own) for instance in self._instances())
        usable = [candidates for candidates in judged if not isinstance(candidates, str)]
        order = sorted(usable, key=self._rank)
        places = {candidate.url: candidate for group in reversed(order) for candidate in reversed(group)}
        return tuple(reversed(places.values()))

    def unsuitable(self, own: Collection[Place] = ()) -> tuple[str, ...]:
        """Why each of the others is not used, a sentence each."""
        judged = ((instance, self._judge(instance, own)) for instance in self._instances())
        return tuple(f"{instance.label}: {why}" for instance, why in judged if isinstance(why, str))

    def _instances(self) -> Iterator[Instance]:
        for instance in self._multicast.values():
            if not self.has_unicast(_type_of(instance)):
                yield instance
        for instances in self._unicast.values():
            yield from instances

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
            Candidate(_url(ip, instance.port, txt.api_proto), version, txt.priority, instance.name, txt.api_ver, host)
            for ip in addresses[:MAX_ADDRESSES]
        ]

    def _urls(self, instance: Instance) -> frozenset[str]:
        scheme = read_service_txt(instance.txt).api_proto
        return frozenset(_url(ip, instance.port, scheme) for ip in instance.addresses[:MAX_ADDRESSES])

    def _rank(self, group: Sequence[Candidate]) -> tuple[bool, tuple[int, int], int, float]:
        first = group[0]
        silent = (first.instance or "").lower() in self._silent
        return silent, _oldest_last(first.version), first.priority, self._lot(group)

    def _lot(self, group: Sequence[Candidate]) -> float:
        """One lot a place, so that the same registry under two names takes part once."""
        if len(self._lots) > 10 * MAX_SERVICES:
            self._lots.clear()
        return self._lots.setdefault(group[0].url, self._random())


def _oldest_last(version: str | None) -> tuple[int, int]:
    major, minor = version_key(version or "v0.0")
    return -major, -minor


def _type_of(instance: Instance) -> str:
    """``_nmos-register._tcp.local.`` from the name of an instance of it."""
    return "_" + instance.name.partition("._")[2].lower()


def _url(ip: str, port: int, scheme: str) -> str:
    host = f"[{ip}]" if ":" in ip else ip
    return f"{scheme}://{host}:{port}"
