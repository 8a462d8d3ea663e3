"""Where a sender's transport file may be fetched from, and which ones are known already.

A manifest_href is a stranger's word. It is followed to hosts only that its peer's announcement, or the endpoints or
href of its /self, name; a host *name* among these is taken for the peer itself, so no DNS is asked.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from appliance.core.types import JSON
from appliance.discovery.contact import ContactPolicy, without_zone
from appliance.discovery.peer import Peer
from appliance.discovery.resources import endpoint_hosts
from appliance.discovery.world import SenderEntry
from appliance.errors import BadRequest, Forbidden, NotFound
from appliance.nmos.is05.sdp.parse import parse
from appliance.nmos.is05.sdp.paths import paths

MAX_KEPT = 256
MAX_CONTROLS = 16
CONNECTION_API = "urn:x-nmos:control:sr-ctrl/v1.1"
"""Events came with this version."""
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Target:
    """Connect to ``address`` and ``port``; ``host`` is what the URL says."""

    scheme: str
    address: str
    port: int
    host: str
    path: str

    def at(self, address: str) -> Target:
        """The same, at an address that was found for it."""
        return replace(self, address=address)


def manifest_href(entry: SenderEntry) -> str:
    """The URL of a sender's transport file; :class:`NotFound` where it has none now."""
    href = entry.sender.get("manifest_href")
    if not href:
        raise NotFound(f"sender {entry.id} offers no transport file now (its manifest_href is null): is it active?")
    return str(href)


def active_urls(entry: SenderEntry) -> Iterator[str]:
    """Where the Connection API of its device may say what is active at a sender, by all that its node names."""
    controls = (entry.device or {}).get("controls")
    for control in controls[:MAX_CONTROLS] if isinstance(controls, list) else ():
        href = control.get("href") if isinstance(control, dict) and control.get("type") == CONNECTION_API else None
        if isinstance(href, str):
            yield f"{href.rstrip('/')}/single/senders/{entry.id}/active"


def wants_token(entry: SenderEntry, path: str) -> bool:
    """Whether its transport file is in a Connection API that wants a token (BCP-003-02, Node Manifest Href)."""
    controls = (entry.device or {}).get("controls")
    return path.startswith("/x-nmos/connection/") and any(
        isinstance(control, dict)
        and control.get("authorization") is True
        and str(control.get("type")).startswith(CONNECTION_API.rpartition("/")[0])
        for control in (controls[:MAX_CONTROLS] if isinstance(controls, list) else ())
    )


def read_url(url: str) -> Target:
    """What a URL says, before anything is known of its host; :class:`BadRequest` where it is no http URL."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise BadRequest(f"manifest_href: {url[:200]!r} is no URL ({error})") from error
    if parts.scheme not in _PORTS or not parts.hostname or port == 0 or not url.isprintable() or " " in url:
        raise BadRequest(f"manifest_href: {url[:200]!r} is no http URL")
    host = without_zone(parts.hostname.lower())
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host, port or _PORTS[parts.scheme], host, path)


def target(url: str, peer: Peer, policy: ContactPolicy) -> Target:
    """Where to connect for ``url`` on the word of ``peer``; BadRequest or Forbidden, with the reason."""
    said = read_url(url)
    if said.host.rstrip(".") not in _named_by(peer):
        raise Forbidden(
            f"manifest_href leads to {said.host}, which neither the announcement nor /self of its node names"
        )
    address = next((ip for ip in peer.instance.addresses if without_zone(ip) == said.host), said.host)
    if not is_literal(address):
        if not peer.targets:
            raise Forbidden(f"manifest_href leads to {said.host}, and its node has no address that may be contacted")
        address = peer.targets[0]
    if not policy.permitted(address, said.port):
        raise Forbidden(f"manifest_href leads to {address}, which this box does not contact for others")
    return said.at(address)


def registered_target(url: str, node: JSON, policy: ContactPolicy) -> Target:
    """The same on the word of a node that only a Query API told of; a host name is taken for its first own address."""
    said = read_url(url)
    named = _named_by_node(node)
    if said.host.rstrip(".") not in named:
        raise Forbidden(f"manifest_href leads to {said.host}, which its node does not name as its own")
    hosts = [said.host, *sorted(named)] if is_literal(said.host) else sorted(named)
    address = next((host for host in hosts if is_literal(host) and policy.permitted(host, said.port)), None)
    if address is None or (is_literal(said.host) and address != said.host):
        raise Forbidden(f"manifest_href leads to {said.host}, which this box does not contact for others")
    return said.at(address)


def is_literal(host: str) -> bool:
    """Whether that is an address, not a name."""
    return ":" in host or host.replace(".", "").isdigit()


class ManifestCache:
    """The transport files fetched last; one is good for as long as its sender's version stays.

    ``groups`` are the multicast addresses in them: what peers are known to send to.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str, str], str] = OrderedDict()
        self._groups: dict[tuple[str, str, str], frozenset[str]] = {}
        self.groups: frozenset[str] = frozenset()

    def get(self, entry: SenderEntry) -> str | None:
        return self._kept.get(_key(entry))

    def put(self, entry: SenderEntry, text: str) -> None:
        self._kept[_key(entry)] = text
        self._groups[_key(entry)] = _groups_in(text)
        if len(self._kept) > MAX_KEPT:
            oldest, _ = self._kept.popitem(last=False)
            del self._groups[oldest]
        self.groups = frozenset().union(*self._groups.values())


def _groups_in(text: str) -> frozenset[str]:
    try:
        return frozenset(path.destination for path in paths(parse(text)) if path.multicast)
    except BadRequest:
        return frozenset()  # whoever takes it will hear what is wrong with it


def _key(entry: SenderEntry) -> tuple[str, str, str]:
    return entry.id, str(entry.sender.get("version")), str(entry.sender.get("manifest_href"))


def _named_by(peer: Peer) -> frozenset[str]:
    names = {without_zone(ip) for ip in peer.instance.addresses} | {peer.instance.server.lower().rstrip(".")}
    of_node = frozenset() if peer.node is None else _named_by_node(peer.node)
    return of_node | {name.rstrip(".") for name in names if name}


def _named_by_node(node: JSON) -> frozenset[str]:
    names = {without_zone(host.strip("[]")) for host in endpoint_hosts(node)}
    names.add(without_zone(_host_of(str(node["href"]))))
    return frozenset(name.rstrip(".") for name in names if name)


def _host_of(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""
