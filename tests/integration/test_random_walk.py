"""A random walk over the whole HTTP surface: the same 1,500 requests each time, good ones bent a little or a lot.

Nothing but documented answers comes back; afterwards the box is well, has said nothing of a bug, and has not grown.
"""

import random
from collections.abc import Callable
from contextlib import closing

from tests.integration.conftest import StartBox
from tests.lan.box import CHECKOUT
from tests.lan.network import RED_AND_BLUE, Lan
from tests.soak.samples import sample
from tests.support.walk import Client, bodies, crawl, makers, request_of, undocumented

REQUESTS = 1500
WARM_UP = 500
MAX_GROWTH = {"rss_kib": 8 * 1024, "descriptors": 20, "tasks": 20, "threads": 4, "children": 0}
"""Of what is used, from the end of the warm-up on. A leak of a kilobyte a request would be found by the soak."""


def test_a_random_walk_meets_nothing_but_documented_answers(
    lan: Lan, start_box: StartBox, record_property: Callable[[str, object], None]
) -> None:
    config = (CHECKOUT / "docs" / "examples" / "everything.toml").read_text(encoding="utf-8")
    box = start_box(lan.host("box", RED_AND_BLUE), config)
    chance = random.Random(7)
    seen: dict[int, int] = {}
    before: dict[str, float] = {}
    with closing(Client(box)) as client:
        paths, documents, made = crawl(client), list(bodies(box)), makers(box)
        for number in range(REQUESTS):
            if number == WARM_UP:
                before = sample(box)
            method, path, body, headers = request_of(chance, paths, documents, made)
            status, answered = client.ask(method, path, body, headers)
            seen[status] = seen.get(status, 0) + 1
            what = f"{number}: {method} {path} {headers} {(body or b'')[:300]!r}: {status} {answered[:300]!r}"
            assert not undocumented(status, answered), what
    assert {200, 202, 400, 404, 405} <= set(seen), seen
    assert "Traceback" not in box.log
    assert box.get("/healthz").status == 200
    after = sample(box)
    record_property("longest turn of the loop, in s", after.get("longest_turn_s"))
    grown = {kind: after[kind] - before[kind] for kind in MAX_GROWTH if kind in before}
    assert not {kind: by for kind, by in grown.items() if by > MAX_GROWTH[kind]}, (grown, before, after)
    assert box.stop() == 0
