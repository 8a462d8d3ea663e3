"""From a take at the panel to the membership: in the kernel's own list, and as an IGMP report on the wire.

The senders are a peer's: a take may have to fetch the transport file first. Such takes are counted by themselves.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.bench.figures import Row, at_most, row
from tests.bench.stage import Connection, Stage
from tests.lan.capture import Capture
from tests.lan.documents import group_address, peer_documents
from tests.lan.peer import Peer
from tests.lan.waiting import eventually

_SENDERS = 4
_GIVE_UP_S = 5.0
_APART_S = 0.3


def measure(stage: Stage) -> Iterator[Row]:
    host, desk = stage.host("box"), stage.host("desk")
    box = stage.box(host)
    capture = stage.enter(Capture(host, direction="out"))
    peer = stage.enter(Peer(desk, "desk", peer_documents("desk", desk.address(), senders=_SENDERS)))
    peer.announce()
    senders = peer.documents.node_api["v1.3"]["senders"]
    eventually(lambda: senders[-1]["id"] in box.get("/panel/sources").text, "the peer's senders on the menu")
    joined: dict[bool, list[float]] = {False: [], True: []}
    reported, answered = [], []
    with Connection(box) as connection, ThreadPoolExecutor(1) as watching:
        receiver = connection.ids("receivers")[0]
        for turn in range(stage.some(40, 5)):
            number = turn % _SENDERS
            group, seen = group_address("desk", number + 1), len(capture.memberships)
            peer.requests(forget=True)
            watch = watching.submit(host.call, lambda group=group: _when_joined(group))
            time.sleep(_APART_S)
            body = {"receiver_id": receiver, "sender_id": senders[number]["id"]}
            exchange = connection.send("POST", "/panel/take", body)
            at = watch.result()
            reported.append((_reported(capture, group, seen) - exchange.sent) * 1000)
            answered.append(exchange.took_ms)
            joined[bool(peer.requests())].append((at - exchange.sent) * 1000)
    for fetched, how in ((False, "file known"), (True, "file fetched first")):
        if joined[fetched]:
            what = f"take to membership in the kernel, {how}"
            yield row(what, "ms", joined[fetched], aim=at_most(10), goal=at_most(3))
    yield row("take to IGMP report on the wire", "ms", reported, note="the kernel waits up to 3 ticks by itself")
    yield row("take to answer", "ms", answered)


def _when_joined(group: str) -> float:
    """Reads /proc/net/igmp as often as it can, inside the host: the wall clock time at which the group is there."""
    printed = f"{int.from_bytes(socket.inet_aton(group), 'little'):08X}"
    memberships = Path("/proc/thread-self/net/igmp")
    give_up = time.monotonic() + _GIVE_UP_S
    while printed not in memberships.read_text(encoding="ascii"):
        if time.monotonic() > give_up:
            raise AssertionError(f"{group} was not joined")
    return time.time()


def _reported(capture: Capture, group: str, seen: int) -> float:
    def look() -> float | None:
        later = list(capture.memberships)[seen:]
        return next((record.at for record in later if record.group == group and record.joins), None)

    return eventually(look, f"an IGMP report of {group}")
