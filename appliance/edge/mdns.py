"""mDNS and DNS-SD on our loop, by python-zeroconf: announces this node, browses for services, follows the network.

Records of other hosts go, packet by packet, into discovery.instances, which says what they mean; python-zeroconf's
browser is there to ask for PTR records and to keep them fresh. Works with release 0.47 (Debian 12), which has to be
closed and opened again when addresses change, and with newer ones, which can be told.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from dataclasses import dataclass

from zeroconf import (  # type: ignore[attr-defined]  # the first two are in every release, not in its __all__
    DNSOutgoing,
    DNSQuestion,
    Error,
    IPVersion,
    ServiceStateChange,
    Zeroconf,
)
from zeroconf.asyncio import AsyncServiceBrowser, AsyncZeroconf

from appliance.discovery import records as dns
from appliance.discovery.instances import Instances
from appliance.discovery.query import Query
from appliance.edge.mdns_bounds import QuestionBounds, forget_tracebacks, guard
from appliance.edge.mdns_ears import Ears
from appliance.edge.mdns_own import Announcement, OwnService
from appliance.edge.mdns_records import QTYPES, PacketListener, cached_addresses, cached_records

__all__ = ["Announcement", "Mdns"]

RETRY_S = 10.0
"""How often to try again where multicast did not work and nothing says that the network changed."""
LOOK_UP_S, LOOK_UPS = 1.0, 2
"""For somebody to say which addresses a name has, and how often they are asked: packets get lost, and at a start there
is no socket yet."""
MAX_LOOK_UPS = 32
_START_S = 5.0
_QUESTIONS_A_PACKET = 20
_QUERY_FLAGS = 0
_CLASS_IN = 1

_log = logging.getLogger(__name__)

OnEvent = Callable[[dns.Event], None]


@dataclass(slots=True)
class _Browse:
    instances: Instances
    on_event: OnEvent
    browser: AsyncServiceBrowser | None = None
    timer: asyncio.TimerHandle | None = None


class Mdns:
    """``on_usable`` is told when multicast begins or ceases to work; all else is asked for by calling.

    ``start`` never fails: where there is no multicast that is logged once, and tried again.
    """

    def __init__(self, on_usable: Callable[[bool], None] = lambda usable: None) -> None:
        self._on_usable = on_usable
        self._addresses: tuple[str, ...] = ()
        self._links: frozenset[str] = frozenset()
        self._zeroconf: AsyncZeroconf | None = None
        self._ears = Ears(self._heard, self._spoken)
        self.on_heard: Callable[[str, int], None] = lambda ip, index: None
        """Told who speaks mDNS, ourselves too, and on which interface by its index: once for each packet."""
        self._own = OwnService()
        self._browses: dict[str, _Browse] = {}
        self._listener = PacketListener(self._received, self._browses)
        self._questions = QuestionBounds()
        self._complained = False
        self._stopped = False
        self._changing = asyncio.Lock()
        self._retry: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._looked_up: dict[str, asyncio.Event] = {}

    # ---- life

    async def start(self, addresses: Sequence[str], links: Collection[str] = ()) -> None:
        """Open sockets on the interfaces that have these addresses (IPv4 and IPv6)."""
        await self.network_changed(addresses, links)

    async def stop(self) -> None:
        """Say goodbye, and close everything."""
        self._stopped = True
        self._cancel_retry()
        async with self._changing:
            await self._close(goodbye=True)
        for browse in self._browses.values():
            if browse.timer is not None:
                browse.timer.cancel()
        self._browses.clear()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def network_changed(self, addresses: Sequence[str], links: Collection[str] = ()) -> None:
        """These are the host's addresses now; which of them are announced is said with ``announce``. These ``links``
        have a cable. Who is at the other end of a new one has not heard of us, nor we of him, so we probe, announce and
        ask from the beginning (RFC 6762 sections 8 and 5.2)."""
        async with self._changing:
            if self._stopped:
                return
            before, self._addresses = self._addresses, tuple(dict.fromkeys(addresses))
            linked, self._links = self._links, frozenset(links)
            if self._zeroconf is None:
                await self._open()
            elif self._links - linked:
                await self._begin_anew()
            elif self._addresses != before:
                await self._reopen(self._zeroconf)

    @property
    def usable(self) -> bool:
        """Whether there are multicast sockets."""
        return self._zeroconf is not None

    # ---- announcing

    def announce(self, announcement: Announcement) -> None:
        """Register this node, or change what it announces; the first packet of a change leaves at once."""
        self._own.announce(announcement)

    def update_txt(self, txt: Mapping[str, str]) -> None:
        """Change only the TXT record of the announcement."""
        self._own.update_txt(txt)

    async def withdraw(self) -> None:
        """Say goodbye, and announce nothing more."""
        async with self._changing:
            await self._own.withdraw()

    # ---- browsing

    def browse(self, service_type: str, on_event: OnEvent, max_instances: int = 1000) -> None:
        """Tell ``on_event`` of all instances of a type, from now on."""
        self._browses[service_type] = _Browse(Instances(service_type, random.random, max_instances), on_event)
        self._start_browser(service_type)

    def reconfirm(self, service_type: str, name: str) -> None:
        """Ask whether an instance is still there; ``Silent`` comes if it is not (RFC 6762 section 10.4)."""
        if browse := self._browses.get(service_type):
            self._follow(browse, browse.instances.reconfirm(self._now(), name))

    def ask_all(self, name: str, rtype: str) -> bool:
        """Ask everybody for a record; the answers go where all go. False where there is no multicast."""
        if self._zeroconf is None:
            return False
        out = DNSOutgoing(_QUERY_FLAGS)
        out.add_question(DNSQuestion(name, QTYPES[rtype], _CLASS_IN))
        self._zeroconf.zeroconf.async_send(out)
        return True

    async def look_up(self, host: str) -> list[str]:
        """The addresses of a name in ``.local``, IPv4 first; none where nobody says them in time."""
        name = f"{host.lower().rstrip('.')}."
        found = self._known(name)
        if not found and len(self._looked_up) < MAX_LOOK_UPS:
            said = self._looked_up.setdefault(name, asyncio.Event())
            try:
                await self._asked_for(name, said)
            finally:
                if self._looked_up.get(name) is said:
                    del self._looked_up[name]
            found = self._known(name)
        return sorted(found, key=lambda ip: ":" in ip)

    async def _asked_for(self, name: str, said: asyncio.Event) -> None:
        for _ in range(LOOK_UPS):
            self.ask_all(name, "A")
            self.ask_all(name, "AAAA")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_UP_S):
                    await said.wait()
                    return

    def _known(self, name: str) -> list[str]:
        return [] if self._zeroconf is None else cached_addresses(self._zeroconf.zeroconf, name)

    # ---- sockets

    async def _open(self) -> None:
        self._cancel_retry()
        forget_tracebacks()
        zeroconf = await self._started()
        if zeroconf is None:
            self._complain()
            return
        self._zeroconf = zeroconf
        guard(zeroconf.zeroconf)
        zeroconf.zeroconf.async_add_listener(self._listener, None)
        self._ears.open()
        for service_type in self._browses:
            self._start_browser(service_type)
        if self._complained:
            _log.info("multicast works now: announcing and browsing by mDNS")
            self._complained = False
        self._own.attach(zeroconf)
        self._on_usable(True)

    async def _started(self) -> AsyncZeroconf | None:
        v4 = [address for address in self._addresses if ":" not in address]
        v6 = [address.partition("%")[0] for address in self._addresses if ":" in address]
        # A host without IPv6, or an address that has just gone: what works is better than nothing.
        for addresses in filter(None, (v4 + v6, v4, v6)):
            try:
                zeroconf = AsyncZeroconf(interfaces=addresses, ip_version=_ip_version(addresses))
            except (OSError, RuntimeError, ValueError) as error:
                _log.debug("no mDNS on %s: %s", ", ".join(addresses), error)
                continue
            try:
                await asyncio.wait_for(zeroconf.zeroconf.async_wait_for_start(), _START_S)
            except (TimeoutError, OSError, Error) as error:
                _log.debug("no mDNS on %s: %s", ", ".join(addresses), error)
            if zeroconf.zeroconf.engine.senders:
                return zeroconf
            await zeroconf.async_close()
        return None

    def _complain(self) -> None:
        if not self._complained:
            _log.warning(
                "multicast does not work here (addresses: %s), so nobody finds this box by mDNS and it finds nobody; "
                "it is tried again when the network changes",
                ", ".join(self._addresses) or "none",
            )
            self._complained = True
        self._on_usable(False)
        for browse in self._browses.values():
            self._follow(browse, browse.instances.handle_network_lost(self._now()))
        self._retry = asyncio.get_running_loop().call_later(RETRY_S, self._try_again)

    def _try_again(self) -> None:
        self._spawn(self.network_changed(self._addresses, self._links))

    def _cancel_retry(self) -> None:
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None

    async def _reopen(self, zeroconf: AsyncZeroconf) -> None:
        update = getattr(zeroconf.zeroconf, "async_update_interfaces", None)
        if update is not None and self._addresses:
            addresses = [address.partition("%")[0] for address in self._addresses]
            # It announces again too, and takes half a second for that.
            self._spawn(self._told(update(addresses, _ip_version(addresses))))
            return
        await self._begin_anew()

    async def _begin_anew(self) -> None:
        # No goodbye: whoever hears us on another interface would drop this node for a moment.
        await self._close(goodbye=False)
        await self._open()

    async def _told(self, update: Coroutine[None, None, None]) -> None:
        try:
            await update
        except (OSError, RuntimeError, ValueError, Error) as error:
            _log.warning("mDNS could not follow the change of addresses: %s", error)

    async def _close(self, *, goodbye: bool) -> None:
        zeroconf = self._zeroconf
        if zeroconf is None:
            return
        self._ears.close()
        for browse in self._browses.values():
            if browse.browser is not None:
                await browse.browser.async_cancel()
                browse.browser = None
        zeroconf.zeroconf.async_remove_listener(self._listener)
        await self._own.detach(goodbye=goodbye)
        self._zeroconf = None
        await zeroconf.async_close()

    # ---- what is heard

    def _spoken(self, ip: str, index: int) -> None:
        self.on_heard(ip, index)

    def _heard(self, query: Query) -> None:
        if self._zeroconf is not None:
            self._questions.apply(self._zeroconf.zeroconf)
        now = self._now()
        for browse in self._browses.values():
            browse.instances.handle_query(now, query)

    def _received(self, records: Sequence[dns.Record]) -> None:
        for record in records:
            if isinstance(record, dns.Srv):
                self._own.handle_srv(record)
            self._own.handle_goodbye(record)
            if isinstance(record, dns.Address) and (said := self._looked_up.get(record.name.lower())) is not None:
                said.set()
        now = self._now()
        for browse in self._browses.values():
            self._follow(browse, browse.instances.handle_records(now, records))

    def _follow(self, browse: _Browse, step: tuple[list[dns.Event], list[dns.Question]]) -> None:
        """Do what the table of instances says, and wake it when it wants."""
        events, questions = step
        self._ask(browse, questions)
        if browse.timer is not None:
            browse.timer.cancel()
            browse.timer = None
        if (when := browse.instances.get_timer()) is not None:
            browse.timer = asyncio.get_running_loop().call_at(when, self._timer, browse)
        for event in events:
            browse.on_event(event)

    def _timer(self, browse: _Browse) -> None:
        self._follow(browse, browse.instances.handle_timer(self._now()))

    def _ask(self, browse: _Browse, questions: Sequence[dns.Question]) -> None:
        if not questions or self._zeroconf is None:
            return
        browse.instances.handle_query(self._now(), Query(frozenset(question.name for question in questions)))
        for start in range(0, len(questions), _QUESTIONS_A_PACKET):
            out = DNSOutgoing(_QUERY_FLAGS)
            for question in questions[start : start + _QUESTIONS_A_PACKET]:
                out.add_question(DNSQuestion(question.name, QTYPES[question.rtype], _CLASS_IN))
            self._zeroconf.zeroconf.async_send(out)

    def _start_browser(self, service_type: str) -> None:
        if self._zeroconf is None:
            return
        browse = self._browses[service_type]
        # What python-zeroconf heard before anybody listened is a known answer to it: nobody will say it again.
        known = cached_records(self._zeroconf.zeroconf, service_type)
        self._follow(browse, browse.instances.handle_records(self._now(), known))
        browse.browser = AsyncServiceBrowser(self._zeroconf.zeroconf, service_type, handlers=[_ignore])

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()


def _ip_version(addresses: Sequence[str]) -> IPVersion:
    families = {":" in address for address in addresses}
    if families == {True}:
        return IPVersion.V6Only
    return IPVersion.All if len(families) > 1 else IPVersion.V4Only


def _ignore(zeroconf: Zeroconf, service_type: str, name: str, state_change: ServiceStateChange) -> None:
    """What a browser finds is heard by the listener already."""
