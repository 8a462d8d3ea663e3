"""The longest callback of the event loop, in CPU time, under each load: what everybody else has to wait for.

The box is one that measures itself (appliance/system/loopstats.py). A garbage collection is part of the callback that
it happens in, and named where it is most of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

from tests.bench.activation import bulk_body, patches
from tests.bench.figures import Row, at_most, row
from tests.bench.load import Asked, load
from tests.bench.stage import BULK, IMMEDIATE, NODE, SINGLE, Connection, Stage
from tests.lan.box import Box
from tests.lan.documents import peer_documents
from tests.lan.network import Host
from tests.lan.peer import Peer
from tests.lan.waiting import eventually

_SIZE = 1100
_PEER_SENDERS = 1000
_AIM = at_most(5)
_AFTERMATH_S = 0.7  # until what follows a change (state on flash, mDNS) is done too


def measure(stage: Stage) -> Iterator[Row]:
    host = stage.host("box")
    box = stage.box(host, _SIZE, _SIZE, measured=True)
    time.sleep(stage.some(3, 1))
    yield _row(stage, box, f"start-up, {_SIZE:,} + {_SIZE:,} (not in the aim)", aimed=False)
    with Connection(box) as connection:
        for kind in ("senders", "receivers"):
            connection.ids(kind)
            yield _row(stage, box, f"the first GET /{kind}, {_SIZE:,}")
        for what, work in _loads(stage, box, connection).items():
            work()
            time.sleep(_AFTERMATH_S)
            yield _row(stage, box, what)
    if host.cables:
        yield from _from_the_network(stage, box, host)


def _loads(stage: Stage, box: Box, connection: Connection) -> dict[str, Callable[[], object]]:
    ids = connection.ids("receivers")
    seconds = stage.some(3, 1)
    senders = [Asked("GET", f"{NODE}/senders")]
    return {
        "nothing to do": lambda: time.sleep(seconds),
        "GET /self": lambda: load(box, [Asked("GET", f"{NODE}/self")], 16, seconds),
        f"GET /senders, {_SIZE:,}": lambda: load(box, senders, 16, seconds),
        "PATCH immediate activation": lambda: load(box, patches(ids, 0), 1, seconds),
        "GET /receivers after each PATCH": lambda: _change_and_list(connection, ids),
        "bulk of 200": lambda: connection.send("POST", f"{BULK}/receivers", bulk_body(ids[:200], 0)),
        "bulk of 1,000": lambda: connection.send("POST", f"{BULK}/receivers", bulk_body(ids[:1000], 1)),
    }


def _from_the_network(stage: Stage, box: Box, host: Host) -> Iterator[Row]:
    desk = stage.host("desk")
    peer = stage.enter(Peer(desk, "desk", peer_documents("desk", desk.address(), senders=_PEER_SENDERS)))
    own = _sources(box)
    peer.announce()
    eventually(lambda: _sources(box) >= own + _PEER_SENDERS, "the peer's senders on the menu")
    yield _row(stage, box, f"a peer with {_PEER_SENDERS:,} senders arrives")
    _address_comes_and_goes(host)
    yield _row(stage, box, f"an address comes and goes, {_SIZE:,} + {_SIZE:,}")
    box.kill()
    box = stage.box(host, 11, 11, measured=True)
    time.sleep(stage.some(3, 1))
    yield _row(stage, box, "start-up, 11 + 11 (not in the aim)", aimed=False)
    _address_comes_and_goes(host)
    yield _row(stage, box, "an address comes and goes, 11 + 11")


def _address_comes_and_goes(host: Host) -> None:
    host.add_address("eth0", "10.77.1.200/24")
    time.sleep(_AFTERMATH_S)
    host.del_address("eth0", "10.77.1.200/24")
    time.sleep(_AFTERMATH_S)


def _sources(box: Box) -> int:
    return int(box.json("/panel/sources?limit=1")["total"])


def _change_and_list(connection: Connection, ids: Sequence[str]) -> None:
    for id in ids[:20]:
        connection.send("PATCH", f"{SINGLE}/receivers/{id}/staged", {"activation": IMMEDIATE})
        connection.send("GET", f"{NODE}/receivers")


def _row(stage: Stage, box: Box, what: str, *, aimed: bool = True) -> Row:
    """What the box's loop did since the last row."""
    stats = stage.loop_stats(box)
    longest = stats["longest"][0]["callback"] if stats["longest"] else "nothing ran"
    note = f"{longest}; p99 of {stats['callbacks']:,}: {stats['p99_ms']:.2f}"
    collected = max((each["max_ms"] for each in stats["collections"]), default=0)
    if collected > 1:
        note += f"; longest collection {collected:.1f}"
    name = f"longest callback: {what}"
    return row(name, "ms CPU", [stats["max_ms"]], aim=_AIM if aimed else None, note=note)
