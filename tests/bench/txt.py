"""From a change to the packet that tells the peers: a lone activation, until ver_snd has moved on the wire."""

from __future__ import annotations

import time
from collections.abc import Iterator

from tests.bench.figures import Row, row
from tests.bench.stage import IMMEDIATE, SINGLE, Connection, Stage
from tests.bench.wire import first_with_counter, last_counter
from tests.lan.capture import Capture

_ALONE_S = 1.6  # longer than a burst is gathered for, and than zeroconf repeats what it announced


def measure(stage: Stage) -> Iterator[Row]:
    host = stage.host("box")
    capture = stage.enter(Capture(host, direction="out"))
    box = stage.box(host)
    first_with_counter(capture, "ver_snd", "0")
    from_request, after_answer = [], []
    with Connection(box) as connection:
        path = f"{SINGLE}/senders/{connection.ids('senders')[0]}/staged"
        for _ in range(stage.some(15, 3)):
            time.sleep(_ALONE_S)
            before = last_counter(capture, "ver_snd")
            exchange = connection.send("PATCH", path, {"activation": IMMEDIATE})
            packet = first_with_counter(capture, "ver_snd", str((int(before) + 1) % 256))
            from_request.append((packet.at - exchange.sent) * 1000)
            after_answer.append((packet.at - exchange.answered) * 1000)
    yield row("PATCH sent to its TXT record on the wire", "ms", from_request)
    yield row("PATCH answered to its TXT record on the wire", "ms", after_answer, note="below 0: before the answer")
