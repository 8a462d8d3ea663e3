"""The peer cache at work: mDNS events and HTTP answers go in, fetches and reconfirmations come out."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable

from appliance.core.types import Clock
from appliance.discovery.cache import load
from appliance.discovery.contact import Myself
from appliance.discovery.moment import Moment
from appliance.discovery.peer import Abort, Action, Failure, Fetch, Reconfirm
from appliance.discovery.peers import PeerCache
from appliance.discovery.records import NODE_TYPE, Announced, Event, Silent, Withdrawn
from appliance.discovery.world import SELF, World, WorldChange
from appliance.edge.client import Bounds, HttpClient, HttpFailure, Reply, host_in_url
from appliance.edge.mdns import Mdns

COMPLAIN_AGAIN_S = 60.0
"""A peer whose error changes all the time is named in the log so often at most."""
SLICE_S = 0.002
_JSON_TYPES = ("application/json", "text/json")

_log = logging.getLogger(__name__)


class Peering:
    """Runs ``cache`` on the loop from ``start`` to ``stop``."""

    def __init__(self, world: World, cache: PeerCache, mdns: Mdns, client: HttpClient, clock: Clock) -> None:
        self._world = world
        self._cache = cache
        self._mdns = mdns
        self._client = client
        self._clock = clock
        self._fetching: dict[int, asyncio.Task[None]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._complaints: dict[str, tuple[float, str]] = {}
        self._end: Callable[[], None] | None = None
        self._stopped = False
        self.fetches_answered = self.fetches_failed = 0

    def start(self, me: Myself) -> None:
        """Browse, and follow what is found."""
        self._end = self._world.subscribe(self._on_world)
        self.myself_changed(me)
        self._mdns.browse(NODE_TYPE, self._on_event, self._cache.limits.peers)

    async def stop(self) -> None:
        """End every fetch. What is known stays in the world."""
        self._stopped = True
        if self._end is not None:
            self._end()
            self._end = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        tasks = tuple(self._fetching.values())
        self._fetching.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def myself_changed(self, me: Myself) -> None:
        """This box has these addresses, this port and this node id now."""
        self._do(self._cache.handle_myself(self._now(), me))

    def doubt(self, peer: str, reason: str) -> None:
        """A take did not reach this peer."""
        self._do(self._cache.handle_doubt(self._now(), peer, reason))

    async def restore(self, data: bytes) -> None:
        """Remember the peers of a saved cache, a few milliseconds at a time; BadRequest where it cannot be read."""
        loop = asyncio.get_running_loop()
        slice_end = loop.time() + SLICE_S
        for peer in load(data, self._cache.limits):
            if peer is not None:
                self._cache.restore(self._now(), peer)
                self._rearm()
            if loop.time() > slice_end:
                await asyncio.sleep(0)
                slice_end = loop.time() + SLICE_S

    def pause(self) -> None:
        """Something else feeds the world now."""
        self._do(self._cache.pause())

    def resume(self) -> None:
        """The peers feed the world again."""
        self._do(self._cache.resume(self._now()))

    # ---- in

    def _on_event(self, event: Event) -> None:
        now = self._now()
        match event:
            case Announced(instance, evidence):
                self._do(self._cache.handle_announced(now, instance, evidence))
            case Silent(name):
                self._do(self._cache.handle_silent(now, name))
            case Withdrawn(name):
                self._do(self._cache.handle_withdrawn(now, name))

    def _on_timer(self) -> None:
        self._timer = None
        self._do(self._cache.handle_timer(self._now()))

    async def _fetch(self, fetch: Fetch) -> None:
        limits = self._cache.limits
        bounds = Bounds(limits.body_bytes, limits.connect_s, limits.idle_s, limits.total_s)
        url = f"{fetch.scheme}://{host_in_url(fetch.address)}:{fetch.port}{fetch.path}"
        failure: Failure | None
        try:
            headers = {"Host": fetch.host} if fetch.host else {}
            if fetch.authorization:
                headers |= self._client.proof("node", url)
            reply = await self._client.get(url, bounds, headers=headers)
        except HttpFailure as error:
            failure, body = Failure(error.reason, error.reached), b""
        else:
            failure, body = _failure(reply), reply.body
        if self._fetching.pop(fetch.id, None) is None:
            return  # aborted, or stopped
        if failure is None:
            self.fetches_answered += 1
            self._do(self._cache.handle_answer(self._now(), fetch.id, body))
        else:
            self.fetches_failed += 1
            self._do(self._cache.handle_failure(self._now(), fetch.id, failure))

    # ---- out

    def _do(self, actions: Iterable[Action]) -> None:
        for action in actions:
            match action:
                case Fetch():
                    self._fetching[action.id] = asyncio.ensure_future(self._fetch(action))
                case Abort(id):
                    if task := self._fetching.pop(id, None):
                        task.cancel()
                case Reconfirm(instance):
                    self._mdns.reconfirm(NODE_TYPE, instance)
        self._rearm()

    def _rearm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        when = self._cache.get_timer()
        if when is not None and not self._stopped:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_at(max(when, loop.time()), self._on_timer)

    def _on_world(self, change: WorldChange) -> None:
        """Say once in the log what is wrong with a peer."""
        for key in change.peers - {SELF}:
            status = self._world.peers.get(key)
            since, before = self._complaints.get(key, (float("-inf"), ""))
            if status is None or not status.last_error:
                if self._complaints.pop(key, None) is not None and status is not None:
                    _log.info("peer %r is well again", status.name)
            elif status.last_error != before and self._now().s > since + COMPLAIN_AGAIN_S:
                self._complaints[key] = self._now().s, status.last_error
                where = ", ".join(status.addresses)
                _log.warning("peer %r (%s, port %d): %s", status.name, where, status.port, status.last_error)

    def _now(self) -> Moment:
        # The loop's clock, not the box's: timers are set by it.
        return Moment(asyncio.get_running_loop().time(), self._clock.tai_ns())


def _failure(reply: Reply) -> Failure | None:
    """What is wrong with an answer as HTTP. JSON under another type is taken; a page never is."""
    if reply.status != 200:
        return Failure(f"it answers {reply.status}", reached=True)
    if reply.content_type not in _JSON_TYPES:
        if reply.body.lstrip()[:1] not in (b"{", b"["):
            return Failure(f"it answers {reply.content_type[:60]!r} instead of JSON", reached=True)
        _log.debug("%s: JSON under the content type %r", reply.url, reply.content_type)
    return None
