"""Fetches transport files for takes: from known peers on their word, and from where a controller says."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import Callable

from appliance.core.types import JSON
from appliance.discovery.manifests import (
    ManifestCache,
    Target,
    active_urls,
    is_literal,
    manifest_href,
    read_url,
    registered_target,
    target,
    wants_token,
)
from appliance.discovery.names import addresses_of
from appliance.discovery.peers import PeerCache
from appliance.discovery.world import NETWORK, SenderEntry, World
from appliance.edge.client import Bounds, HttpClient, HttpFailure, host_in_url
from appliance.errors import ApplianceError, BadRequest, Forbidden, NotFound
from appliance.nmos.is05.receiverfile import read_session
from appliance.nmos.is05.sdp.model import SdpError


class PeerFailed(ApplianceError):
    """Another node did not give what was asked of it."""

    status = 502


class Manifests:
    """``of`` a known sender, kept for as long as its version stays; ``at`` a URL that a controller names.

    ``on_unreached`` is told the peer that did not answer, and why: there may be nobody any more.
    """

    def __init__(
        self,
        world: World,
        cache: PeerCache,
        client: HttpClient,
        kept: ManifestCache,
        on_unreached: Callable[[str, str], None] = lambda peer, reason: None,
    ) -> None:
        self._world = world
        self._cache = cache
        self._client = client
        self._on_unreached = on_unreached
        self._kept = kept

    async def of(self, sender_id: str) -> str:
        """The transport file of a peer's sender; an ApplianceError says why not."""
        entry = self._world.entries.get(sender_id)
        if entry is None:
            raise NotFound(f"sender_id: no sender {sender_id[:64]} is known")
        text = self._kept.get(entry)
        if text is None:
            text = await self._file(self._target(entry, manifest_href(entry)), entry)
            self._kept.put(entry, text)
        return text

    async def at(self, url: str, sender_id: str, remote: str) -> str:
        """The transport file at ``url``, on the word of the controller at ``remote``: from hosts that the sender's own
        node names, from the controller's own, and from where the configuration lets controllers send this box."""
        where = read_url(url)
        entry = self._world.entries.get(sender_id)
        if entry is not None:
            with contextlib.suppress(Forbidden, NotFound):
                return await self._file(self._target(entry, url), entry)
        for address in await self._resolved(where):
            if self._cache.policy.for_controller_at(remote, address, where.port):
                return await self._file(where.at(address), None)
        raise Forbidden(
            f"manifest_href leads to {where.host}: no known node names that host for this sender, nor is it the one "
            "that asks (access.contact in the configuration may name its network)"
        )

    async def leg(self, sender_id: str) -> JSON:
        """The one leg in IS-05's /active of a peer's sender of events; an ApplianceError says why not."""
        entry = self._world.entries.get(sender_id)
        if entry is None:
            raise NotFound(f"sender_id: no sender {sender_id[:64]} is known")
        refused: ApplianceError = NotFound("its device names no Connection API v1.1, which events need")
        for url in active_urls(entry):
            try:
                where = self._target(entry, url)
            except ApplianceError as error:
                refused = error
                continue
            return _leg(await self._fetch(where, entry, "application/json", "its active parameters"), where.host)
        raise refused

    def _target(self, entry: SenderEntry, url: str) -> Target:
        peer = self._cache.peer(entry.peer)
        if peer is None and entry.node is not None and entry.peer == NETWORK:
            return registered_target(url, entry.node, self._cache.policy)
        if peer is None:
            raise NotFound(f"sender {entry.id} belongs to no node that is there now")
        return target(url, peer, self._cache.policy)

    async def _resolved(self, where: Target) -> list[str]:
        """Addresses of a host that a controller named. Without nss-mdns the C library knows no ``.local``."""
        if is_literal(where.host):
            return [where.host]
        known = addresses_of(self._cache, where.host, where.scheme)
        return known or await _looked_up(where.host)

    async def _file(self, where: Target, entry: SenderEntry | None) -> str:
        body = await self._fetch(where, entry, "application/sdp, */*;q=0.5", "the transport file")
        return _transport_file(body, where.host)

    async def _fetch(self, where: Target, entry: SenderEntry | None, accept: str, what: str) -> bytes:
        def may_follow(url: str) -> bool:
            """nmos-cpp redirects to its Connection API: on the same address that is no other host."""
            try:
                return entry is not None and self._target(entry, url).address == where.address
            except ApplianceError:
                return False

        limits = self._cache.limits
        bounds = Bounds(limits.manifest_bytes, limits.manifest_s, limits.manifest_s, limits.manifest_s)
        url = f"{where.scheme}://{host_in_url(where.address)}:{where.port}{where.path}"
        headers = {"Accept": accept}
        if entry is not None and wants_token(entry, where.path):
            headers |= self._client.proof("connection", url)
        if where.host != where.address:
            headers["Host"] = f"{host_in_url(where.host)}:{where.port}"
        try:
            reply = await self._client.get(url, bounds, headers=headers, may_follow=may_follow if entry else None)
        except HttpFailure as error:
            if entry is not None and not error.reached:
                self._on_unreached(entry.peer, error.reason)
            raise PeerFailed(f"{what} could not be fetched from {where.host}: {error.reason}") from error
        if reply.status != 200:
            raise PeerFailed(f"{where.host} answers {reply.status} instead of {what}", debug=url)
        return reply.body


def _leg(body: bytes, host: str) -> JSON:
    try:
        (leg,) = json.loads(body)["transport_params"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise PeerFailed(f"what {host} gives as the active parameters is none of events") from error
    if not isinstance(leg, dict):
        raise PeerFailed(f"what {host} gives as the active parameters is none of events")
    return leg


def _transport_file(body: bytes, host: str) -> str:
    """Read here, so that a page which a proxy sent once is never kept in the place of the file."""
    try:
        text = body.decode()
        read_session(text)
    except UnicodeDecodeError as error:
        raise PeerFailed(f"the transport file of {host} is not UTF-8") from error
    except SdpError as error:
        raise PeerFailed(f"what {host} gives as the transport file is none: {error.message}") from error
    return text


async def _looked_up(host: str) -> list[str]:
    """By the C library, in asyncio's own thread."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except UnicodeError as error:  # before DNS is asked: no name of a host can be written so
        raise BadRequest(f"manifest_href: {host[:100]!r} is no name of a host ({error})") from error
    except OSError as error:
        raise NotFound(f"manifest_href: the host {host} is not known here ({error.strerror})") from error
    return [str(address[0]) for *_, address in found]
