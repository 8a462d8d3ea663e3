"""Our own service: registered under a name that nobody else has, kept true, taken back.

It outlives the sockets: ``attach`` registers with a new python-zeroconf what was announced before.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, replace
from itertools import islice

from zeroconf import (  # type: ignore[attr-defined]  # the records are in every release, not in its __all__
    DNSAddress,
    DNSOutgoing,
    Error,
    ServiceInfo,
)
from zeroconf.asyncio import AsyncZeroconf

from appliance.discovery.records import Address, Ptr, Record, Srv
from appliance.discovery.txt import pack
from appliance.edge import mdns_probing

_RESPONSE = 0x8400  # an authoritative answer
_A, _AAAA, _IN = 1, 28, 1
_ADDRESS_TTL_S = 120.0
_MAX_GONE = 16

_log = logging.getLogger(__name__)

RETRY_S = 2.0
INSIST_AFTER_S = 1.2
"""A name that two had is said once more so long after. Over a second: until then listeners keep the other's record too
(RFC 6762 section 10.2), and python-zeroconf does not even look at a packet that it has just had."""


@dataclass(frozen=True, slots=True)
class Announcement:
    """What this node announces. ``label`` is the instance name to try, ``server`` its mDNS host name."""

    service_type: str
    label: str
    server: str
    port: int
    addresses: tuple[str, ...]
    txt: Mapping[str, str]


class OwnService:
    """One announcement. All calls are made on the loop; ``name`` is ``None`` while it is not registered."""

    def __init__(self) -> None:
        self._wanted: Announcement | None = None
        self._announced: Announcement | None = None
        self._gone: dict[str, float] = {}
        self._info: ServiceInfo | None = None
        self._renames = 0
        self._insisting = False
        self._zeroconf: AsyncZeroconf | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def name(self) -> str | None:
        """The full name that it got, after any conflict."""
        return self._info.name if self._info is not None else None

    def attach(self, zeroconf: AsyncZeroconf) -> None:
        """Use these sockets from now on."""
        self._zeroconf, self._insisting = zeroconf, False
        if self._wanted is not None:
            self._start(self._register(zeroconf))

    async def detach(self, *, goodbye: bool) -> None:
        """The sockets are about to be closed; without ``goodbye`` nobody is told."""
        await self._quiet()
        zeroconf, self._zeroconf = self._zeroconf, None
        info, self._info = self._info, None
        if zeroconf is None or info is None:
            return
        if goodbye:
            await (await zeroconf.async_unregister_service(info))
        else:
            zeroconf.zeroconf.registry.async_remove(info)

    def announce(self, announcement: Announcement) -> None:
        """Register, or change what is announced; the first packet of a change leaves at once."""
        self._wanted = announcement
        if self._zeroconf is None:
            return
        if self._info is not None:
            self.repeat()
        elif not self._tasks:
            self._start(self._register(self._zeroconf))
        # Else it is being registered: what is wanted is looked at again when that is done.

    def update_txt(self, txt: Mapping[str, str]) -> None:
        """Change only the TXT record."""
        if self._wanted is not None:
            self.announce(replace(self._wanted, txt=txt))

    async def withdraw(self) -> None:
        """Say goodbye, and announce nothing more."""
        self._wanted = None
        zeroconf = self._zeroconf
        await self.detach(goodbye=True)
        self._zeroconf = zeroconf

    def repeat(self) -> None:
        """Announce what is wanted, now, and nothing else any more: least of all a name after its goodbye."""
        if self._zeroconf is None or self._info is None or self._wanted is None:
            return
        self._hush()
        if self._announced is not None and self._announced.label != self._wanted.label:
            self._start(self._rename(self._zeroconf))
            return
        self._info = _info(self._wanted, self._info.name)
        self._announces(self._wanted)
        self._start(self._broadcast(self._zeroconf, self._info))

    def handle_srv(self, record: Srv) -> None:
        """Somebody announces a service: with our name? Then probes crossed, or two networks were joined.

        RFC 6762 section 9; python-zeroconf looks for conflicts only while it probes. The greater host name gives way.
        """
        if self._zeroconf is None or self._info is None or self._wanted is None or record.ttl <= 0:
            return
        ours, theirs = self._wanted.server.lower(), record.server.lower()
        if record.name.lower() != self._info.name.lower() or ours == theirs:
            return
        if ours < theirs:
            self._insisting = True
            self.repeat()
            return
        _log.info("another node is called %s too: this one takes another name", record.name)
        self._zeroconf.zeroconf.registry.async_remove(self._info)  # no goodbye: the name is the other's now
        self._info = None
        self._renames += 1
        self._hush()
        self._start(self._register(self._zeroconf))

    def handle_goodbye(self, record: Record) -> None:
        """Somebody says that this node left, or lost an address that it has: it has not, and says so.

        Within a second those who heard it keep it in their lists (RFC 6762 section 10.1). Our own goodbyes come back to
        us too; they are of what is not wanted any more.
        """
        if record.ttl > 0 or self._info is None or self._wanted is None or self._insisting:
            return
        if isinstance(record, Address):
            concerned = record.name.lower() == self._wanted.server.lower() and record.ip in self._wanted.addresses
        else:
            name = record.instance if isinstance(record, Ptr) else record.name
            concerned = name.lower() == self._info.name.lower()
        if concerned:
            self._insisting = True
            self.repeat()

    # ---- inside

    async def _register(self, zeroconf: AsyncZeroconf) -> None:
        """Try until it is announced: a machine that is too busy for it now will not always be."""
        complained = False
        while self._info is None and (announcing := self._wanted) is not None:
            try:
                await self._try(zeroconf, announcing)
            except (Error, OSError) as error:
                if not complained:
                    why = str(error) or type(error).__name__
                    _log.warning("this node could not be announced as %r, trying again: %s", announcing.label, why)
                complained = True
                await asyncio.sleep(RETRY_S)
            else:
                return

    async def _try(self, zeroconf: AsyncZeroconf, announcing: Announcement) -> None:
        """Probe for the name, rename if somebody has it, announce (RFC 6762 section 8)."""
        number = f"-{self._renames + 1}" if self._renames else ""
        asked_name = f"{announcing.label}{number}.{announcing.service_type}"
        info = _info(announcing, asked_name)
        if mdns_probing.TOO_SLOW:
            await mdns_probing.probe(zeroconf.zeroconf, info)
        broadcast = await zeroconf.async_register_service(
            info, allow_name_change=True, cooperating_responders=mdns_probing.TOO_SLOW
        )
        if info.name != asked_name:
            _log.info("another node is called %s: this one is announced as %s", asked_name, info.name)
        self._info = info
        self._announces(announcing)
        self._part(zeroconf)
        if self._wanted is not announcing:
            self.repeat()
        await broadcast

    async def _rename(self, zeroconf: AsyncZeroconf) -> None:
        info, self._info, self._renames = self._info, None, 0
        if info is not None:
            goodbye: Awaitable[object] = await zeroconf.async_unregister_service(info)
            await goodbye
        await self._register(zeroconf)

    async def _broadcast(self, zeroconf: AsyncZeroconf, info: ServiceInfo) -> None:
        self._part(zeroconf)
        await (await zeroconf.async_update_service(info))
        self._part(zeroconf)  # by now on the sockets that a change of addresses brought
        if self._insisting:
            await asyncio.sleep(INSIST_AFTER_S)
            self._insisting = False
            await (await zeroconf.async_update_service(info))

    def _announces(self, after: Announcement) -> None:
        """Take note of what is said from now on, and of the addresses that are said no more."""
        now, before, self._announced = asyncio.get_running_loop().time(), self._announced, after
        gone = dict.fromkeys(before.addresses if before else (), now + _ADDRESS_TTL_S)
        self._gone = {ip: end for ip, end in (self._gone | gone).items() if ip not in after.addresses and end > now}

    def _part(self, zeroconf: AsyncZeroconf) -> None:
        """Take back the addresses that this host has no more (RFC 6762 section 10.1), with each announcement until
        nobody has them any more. That the newer set is said to be all (10.2) is not enough: an address that was said
        within the last second stays in others' caches, and the sockets may have gone with the address."""
        if self._announced is None or not self._gone:
            return
        goodbye = DNSOutgoing(_RESPONSE)
        for ip in map(ipaddress.ip_address, islice(self._gone, _MAX_GONE)):
            kind = _A if ip.version == 4 else _AAAA
            goodbye.add_answer_at_time(DNSAddress(self._announced.server, kind, _IN, 0, ip.packed), 0)
        zeroconf.zeroconf.async_send(goodbye)

    def _hush(self) -> None:
        """Say no more of what is outdated now."""
        for task in self._tasks:
            task.cancel()

    def _start(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _quiet(self) -> None:
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _info(announcement: Announcement, name: str) -> ServiceInfo:
    return ServiceInfo(
        announcement.service_type,
        name,
        port=announcement.port,
        properties=pack(announcement.txt),
        server=announcement.server,
        parsed_addresses=[address.partition("%")[0] for address in announcement.addresses],
    )
