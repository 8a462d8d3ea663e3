"""What python-zeroconf may keep of what strangers send. Newer releases have bounds of their own; Debian 12's keeps the
records of everybody for as long as he wishes, and for ever the traceback of each way in which a packet was no DNS."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Iterable
from itertools import chain, islice
from typing import cast

from zeroconf import (  # type: ignore[attr-defined]  # the records are in every release, not in its __all__
    DNSAddress,
    DNSRecord,
    RecordUpdate,
    Zeroconf,
    current_time_millis,
)
from zeroconf._protocol import incoming

from appliance.discovery.records import NODE_TYPE

MAX_CACHED = 6_000
"""Records in the cache: what a thousand nodes say, and some more."""
MAX_COMPLAINTS = 100
MAX_BEGUN = 100
"""Parts of queries that wait for the next part. A query has one part for some 40 answers that its sender knows."""
_LOOK_AFTER = 500
_QUESTIONS_LIVE_MS = 1000.0  # RFC 6762 section 7.3, as python-zeroconf has it
_QUIET_S = 1.0
"""Each part waits for at most half a second (RFC 6762 section 7.2); so none does after this."""
_IS_RESPONSE, _IS_BEGUN = 0x80, 0x02  # QR and TC in the third byte of the header


class CacheBounds:
    """Keeps the cache to names that matter: addresses, and what ends with one of these types or with our own."""

    def __init__(self, types: Collection[str]) -> None:
        self._types = types
        self._new: list[DNSRecord] = []
        self._since = 0

    def note(self, updates: Collection[RecordUpdate]) -> None:
        """These are about to go into the cache."""
        self._new += [update.new for update in updates if update.old is None]

    def apply(self, zeroconf: Zeroconf) -> None:
        """They are in it. Our own tables have what we need of them (discovery/instances.py)."""
        new, self._new = self._new, []
        if not new:
            return
        cache = zeroconf.cache
        cache.async_remove_records([one for one in dict.fromkeys(new) if not self._matters(one) and cache.get(one)])
        self._since += len(new)
        if self._since < _LOOK_AFTER:
            return
        self._since = 0
        surplus = sum(map(len, cache.cache.values())) - MAX_CACHED
        if surplus > 0:  # what is oldest
            cache.async_remove_records(list(islice(chain.from_iterable(cache.cache.values()), surplus)))

    def _matters(self, record: DNSRecord) -> bool:
        return isinstance(record, DNSAddress) or record.key.endswith((NODE_TYPE, *map(str.lower, self._types)))


class QuestionBounds:
    """Forgets who asked what when that is of no use any more: not every ten seconds only, with all known answers."""

    def __init__(self) -> None:
        self._swept_ms = 0.0

    def apply(self, zeroconf: Zeroconf) -> None:
        now_ms = current_time_millis()
        if now_ms - self._swept_ms > _QUESTIONS_LIVE_MS:
            self._swept_ms = now_ms
            zeroconf.question_history.async_expire(now_ms)


class Complaints(dict[str, object]):
    """What python-zeroconf has complained about once: the words, not too many, and no traceback with its packet."""

    def __setitem__(self, words: str, _: object) -> None:
        if len(self) < MAX_COMPLAINTS:
            super().__setitem__(words, None)


def forget_tracebacks() -> None:
    """From now on, in this process."""
    if type(vars(incoming).get("_seen_logs")) is dict:
        vars(incoming)["_seen_logs"] = Complaints()


class Guard(asyncio.DatagramProtocol):
    """Before python-zeroconf's protocol where that keeps all parts of a query while more come, without end."""

    def __init__(self, beyond: asyncio.DatagramProtocol, clock: Callable[[], float] = time.monotonic) -> None:
        self._beyond, self._clock = beyond, clock
        self._begun = 0
        self._last = float("-inf")

    def datagram_received(self, data: bytes, addr: tuple[object, ...]) -> None:
        if len(data) < 3 or data[2] & (_IS_RESPONSE | _IS_BEGUN) != _IS_BEGUN or self._may_wait():
            self._beyond.datagram_received(data, addr)

    def error_received(self, exc: Exception) -> None:
        self._beyond.error_received(exc)

    def connection_lost(self, exc: Exception | None) -> None:
        self._beyond.connection_lost(exc)

    def _may_wait(self) -> bool:
        now = self._clock()
        if now - self._last > _QUIET_S:
            self._begun = 0
        if self._begun == MAX_BEGUN:
            return False
        self._begun, self._last = self._begun + 1, now
        return True


def guard(zeroconf: Zeroconf) -> None:
    """Debian 12's release; what is read by others is wrapped, and bounded."""
    readers: Iterable[object] = zeroconf.engine.readers
    for reader in readers:
        if isinstance(reader, asyncio.BaseTransport):
            reader.set_protocol(Guard(cast("asyncio.DatagramProtocol", reader.get_protocol())))
