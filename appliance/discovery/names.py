"""Names of hosts as announced: where the C library asks no mDNS, nobody else knows ``box.local``."""

from __future__ import annotations

from appliance.discovery.peers import PeerCache


def addresses_of(cache: PeerCache, host: str, scheme: str) -> list[str]:
    """The addresses that a node announced for this name, IPv4 first; none where none did.

    Anybody can announce any name. So one that is not in ``.local`` counts over TLS only, where it is proved.
    """
    name = _plain(host)
    if scheme not in ("https", "wss") and not name.endswith(".local"):
        return []
    me = cache.policy.me
    if name == _plain(me.host):
        return sorted(me.addresses, key=lambda ip: (":" in ip, ip))
    named = (peer.instance.addresses for peer in cache.peers() if _plain(peer.instance.server) == name)
    return list(dict.fromkeys(ip for addresses in named for ip in addresses))


def _plain(host: str) -> str:
    return host.lower().rstrip(".")
