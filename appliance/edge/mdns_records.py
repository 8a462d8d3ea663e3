"""Between python-zeroconf's records and ours, and the listener that gets all of them, unchanged ones too."""

from __future__ import annotations

import socket
from collections.abc import Callable, Collection, Sequence

from zeroconf import (  # type: ignore[attr-defined]  # the records are in every release, not in its __all__
    DNSAddress,
    DNSPointer,
    DNSRecord,
    DNSService,
    DNSText,
    RecordUpdate,
    RecordUpdateListener,
    Zeroconf,
    current_time_millis,
)

from appliance.discovery.records import Address, Ptr, Record, Srv, Txt
from appliance.edge.mdns_bounds import CacheBounds

QTYPES = {"A": 1, "PTR": 12, "TXT": 16, "AAAA": 28, "SRV": 33}


class PacketListener(RecordUpdateListener):
    """Calls ``on_records`` once for each packet, when python-zeroconf's cache has its records too.

    A ServiceBrowser tells of changes only; this also sees what an unsolicited re-announcement repeats. To the records
    of a packet come the addresses that the cache has of the hosts it names. ``types``: what is browsed for.
    """

    def __init__(self, on_records: Callable[[Sequence[Record]], None], types: Collection[str]) -> None:
        self._on_records = on_records
        self._bounds = CacheBounds(types)
        self._packet: list[Record] = []
        self._zeroconf: Zeroconf | None = None

    def async_update_records(self, zc: Zeroconf, now: float, records: list[RecordUpdate]) -> None:
        self._zeroconf = zc
        self._bounds.note(records)
        for update in records:
            # What only ran out in the cache is told too: we keep our own times.
            if update.new.ttl == 0 or not update.new.is_expired(now):
                record = to_record(update.new)
                if record is not None:
                    self._packet.append(record)

    def async_update_records_complete(self) -> None:
        packet, self._packet = self._packet, []
        if self._zeroconf is not None:
            self._bounds.apply(self._zeroconf)
        if not packet:
            return
        present = {record.name.lower() for record in packet if isinstance(record, Address)}
        for server in {record.server for record in packet if isinstance(record, Srv)}:
            if server.lower() not in present:
                packet += self._cached_addresses(server)
        self._on_records(packet)

    def _cached_addresses(self, server: str) -> list[Record]:
        if self._zeroconf is None:
            return []
        cached = (to_record(record, flush=False) for record in self._zeroconf.cache.entries_with_name(server))
        return [record for record in cached if isinstance(record, Address)]


def cached_addresses(zeroconf: Zeroconf, host: str) -> list[str]:
    """What is known of a host and has not run out."""
    now = current_time_millis()
    entries = (one for one in zeroconf.cache.entries_with_name(host) if not one.is_expired(now))
    return list(dict.fromkeys(record.ip for one in entries if isinstance(record := to_record(one), Address)))


def cached_records(zeroconf: Zeroconf, service_type: str) -> list[Record]:
    """What is known of the instances of a type already: their PTR, SRV, TXT and address records."""
    found: list[Record] = []
    names = [service_type]
    while names:  # from the type to its instances, to their servers
        entries = zeroconf.cache.entries_with_name(names.pop())
        records = [record for entry in entries if (record := to_record(entry, flush=False))]
        names += [record.instance for record in records if isinstance(record, Ptr)]
        names += [record.server for record in records if isinstance(record, Srv)]
        found += records
    return found


def to_record(record: DNSRecord, *, flush: bool | None = None) -> Record | None:
    """The record as a value; ``None`` for types that discovery has no use for."""
    ttl = float(record.ttl)
    if isinstance(record, DNSAddress):
        ip = _ip(record)
        return Address(record.name, ttl, ip, record.unique if flush is None else flush) if ip else None
    if isinstance(record, DNSPointer):
        return Ptr(record.name, ttl, record.alias)
    if isinstance(record, DNSService):
        return Srv(record.name, ttl, record.server, record.port)
    if isinstance(record, DNSText):
        return Txt(record.name, ttl, record.text)
    return None


def _ip(record: DNSAddress) -> str | None:
    try:
        ip = socket.inet_ntop(socket.AF_INET6 if len(record.address) == 16 else socket.AF_INET, record.address)
    except ValueError:
        return None
    return f"{ip}%{record.scope_id}" if record.scope_id and ip.startswith("fe80:") else ip
