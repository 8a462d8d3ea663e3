"""A random walk over the whole HTTP surface: the same 1,500 requests each time, good ones bent a little or a lot.

Nothing but documented answers comes back; afterwards the box is well, has said nothing of a bug, and has not grown.
"""

import random
from contextlib import closing
from pathlib import Path

from tests.integration.conftest import StartBox
from tests.lan.box import CHECKOUT, Box
from tests.lan.network import RED_AND_BLUE, Lan
from tests.support.walk import Client, bodies, crawl, request_of, undocumented

REQUESTS = 1500
MAX_GROWTH_KIB = 24 * 1024


def memory_kib(box: Box) -> int:
    status = Path(f"/proc/{box.pid}/status").read_text(encoding="ascii")
    return int(status.partition("VmRSS:")[2].split()[0])


def descriptors(box: Box) -> int:
    return len(list(Path(f"/proc/{box.pid}/fd").iterdir()))


def test_a_random_walk_meets_nothing_but_documented_answers(lan: Lan, start_box: StartBox) -> None:
    config = (CHECKOUT / "docs" / "examples" / "everything.toml").read_text(encoding="utf-8")
    box = start_box(lan.host("box", RED_AND_BLUE), config)
    chance = random.Random(7)
    seen: dict[int, int] = {}
    with closing(Client(box)) as client:
        paths, documents = crawl(client), list(bodies(box))
        before = memory_kib(box), descriptors(box)
        for number in range(REQUESTS):
            method, path, body = request_of(chance, paths, documents)
            status, answered = client.ask(method, path, body)
            seen[status] = seen.get(status, 0) + 1
            what = f"{number}: {method} {path} {(body or b'')[:300]!r}: {status} {answered[:300]!r}"
            assert not undocumented(status, answered), what
    assert {200, 202, 400, 404, 405} <= set(seen), seen
    assert "Traceback" not in box.log
    assert box.get("/healthz").status == 200
    after = memory_kib(box), descriptors(box)
    assert after[0] - before[0] < MAX_GROWTH_KIB, (before, after)
    assert after[1] - before[1] < 200, (before, after)
    assert box.stop() == 0
