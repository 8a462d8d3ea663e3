"""From a peer's announcement to the menu: the peer renames a sender, and its new name comes out of /panel/events.

Three times, all this machine's: when the TXT record came in at the box's port (the kernel's stamp), when the peer got
the request for its senders, and when a reader of /panel/events had the line. Nothing is subtracted: the whole includes
the peer's own time to answer (a Python process as well).
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from typing import Any

from tests.bench.figures import Row, at_most, row
from tests.bench.stage import NODE, Stage
from tests.bench.wire import first_with_counter
from tests.lan.box import Box
from tests.lan.capture import Capture
from tests.lan.documents import peer_documents
from tests.lan.peer import Peer
from tests.lan.waiting import eventually

_APART_S = (1.2, 1.6)  # each change alone: no burst to be gathered


def measure(stage: Stage) -> Iterator[Row]:
    host, desk = stage.host("box"), stage.host("desk")
    box = stage.box(host)
    capture = stage.enter(Capture(host, direction="in"))
    peer = stage.enter(Peer(desk, "desk", peer_documents("desk", desk.address(), senders=11)))
    peer.announce()
    whole, until_asked, from_asked, fetched = [], [], [], []
    events = stage.enter(Following(box))
    events.wait_for("desk 1")
    for turn in range(stage.some(20, 3)):
        time.sleep(random.uniform(*_APART_S))  # not in step with any timer of the box
        peer.requests(forget=True)
        name, seen = f"Renamed {turn}", len(capture.mdns)
        peer.relabel("senders", 0, name)
        arrived = first_with_counter(capture, "ver_snd", peer.txt["ver_snd"] or "", seen).at
        shown = events.wait_for(name)
        asked = peer.requests(f"{NODE}/senders*")[0].at + time.time() - time.monotonic()
        whole.append((shown - arrived) * 1000)
        until_asked.append((asked - arrived) * 1000)
        from_asked.append((shown - asked) * 1000)
        fetched.append(_fetch_ms(stage, peer))
    yield row("peer's TXT record to the menu", "ms", whole, aim=at_most(5), goal=at_most(3))
    yield row("  of it: TXT record to the request at the peer", "ms", until_asked)
    yield row("  of it: request at the peer to the menu", "ms", from_asked)
    yield row("  for comparison: GET of those senders by http.client", "ms", fetched)


def _fetch_ms(stage: Stage, peer: Peer) -> float:
    """What the peer itself takes for its 11 senders, over a new connection."""
    url = f"http://{peer.host.address()}:{peer.port}{NODE}/senders"
    began = time.perf_counter()
    peer.host.get(url)
    return (time.perf_counter() - began) * 1000


class Following:
    """Reads /panel/events in a thread, and notes when each line came."""

    def __init__(self, box: Box) -> None:
        self._stream = box.stream("/panel/events")
        self._lines: list[tuple[float, bytes]] = []
        self._thread = threading.Thread(target=self._read, name="following", daemon=True)

    def __enter__(self) -> Following:
        self._response: Any = self._stream.__enter__()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.__exit__(None, None, None)

    def wait_for(self, text: str) -> float:
        """The wall clock time of the first line with this text in it."""
        wanted = text.encode()
        return eventually(lambda: next((at for at, line in list(self._lines) if wanted in line), None), text)

    def _read(self) -> None:
        try:
            while line := self._response.readline():
                self._lines.append((time.time(), line))
        except (OSError, ValueError, AttributeError):  # closed under its feet: this is over
            return
