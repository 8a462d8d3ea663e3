"""What is kept of the records that everybody multicasts."""

from types import SimpleNamespace
from typing import Any, cast

from zeroconf import DNSText, RecordUpdate, Zeroconf  # type: ignore[attr-defined]
from zeroconf._cache import DNSCache

from appliance.discovery.records import Record
from appliance.edge.mdns_records import MAX_CACHED, PacketListener


def test_a_flood_of_names_that_never_expire_does_not_fill_the_cache() -> None:
    heard: list[Record] = []
    listener, cache = PacketListener(heard.extend), DNSCache()
    zeroconf = cast("Zeroconf", SimpleNamespace(cache=cache))
    for packet in range(400):
        records: list[Any] = [DNSText(f"{packet}-{n}.local.", 16, 1, 2**31 - 1, b"x", 1.0) for n in range(100)]
        listener.async_update_records(zeroconf, 1.0, [RecordUpdate(record, None) for record in records])
        cache.async_add_records(records)
        listener.async_update_records_complete()
    assert len(heard) == 40_000
    assert sum(map(len, cache.cache.values())) <= MAX_CACHED + 2_000
    assert "399-99.local." in cache.cache
