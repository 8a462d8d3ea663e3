"""What is answered while the box is still starting."""

import asyncio
from typing import Any, cast

from appliance.config.access import AccessConfig
from appliance.config.model import Config
from appliance.core.store import Store
from appliance.edge.serving import Serving
from appliance.edge.tls import Tls
from appliance.errors import Forbidden
from appliance.system.clock import SystemClock
from appliance.web.messages import Answer, Request
from appliance.web.site import Site
from tests.support.leaks import run

PATH = "/x-nmos/node/v1.3/kept"
KEPT = Answer({}, depends=(("node", None),))


class Guard:
    """The box is called "box"."""

    def check(self, request: Request) -> None:
        """All may."""

    def check_name(self, host: str) -> None:
        if host != "box":
            raise Forbidden(host)


async def settled(id: str) -> None:
    """At once."""


async def answered(access: AccessConfig, host: str) -> tuple[bool, bytes]:
    """Whether there was an answer before all had begun, and its status. The answer is ready from the first moment."""
    site = Site()
    serving = Serving(Config(access=access), Store(SystemClock()), site, settled, Tls(None))
    site.route(PATH, get=lambda request: KEPT)
    site.ready.keep(PATH, KEPT, KEPT.payload())
    port = await serving.server.listen("127.0.0.1", 0)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {PATH} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    asked = asyncio.create_task(reader.readline())
    # of another connection, which is behind it: what could be answered of the first one has been
    _reader, other = await asyncio.open_connection("127.0.0.1", port)
    other.write(b"nonsense\r\n\r\n")
    await _reader.readline()
    early = asked.done()
    serving.open(cast(Any, Guard()), cast(Any, None))
    line = await asked
    for each in (writer, other):
        each.close()
    await serving.server.stop()
    return early, line.split(b" ")[1]


def test_the_node_api_is_there_at_once() -> None:
    assert run(answered(AccessConfig(), "evil.example")) == (True, b"200")


def test_where_names_are_checked_nothing_is_given_before_somebody_can_check_them() -> None:
    access = AccessConfig(origins=("https://control.example.com",))
    assert run(answered(access, "evil.example")) == (False, b"403")
    assert run(answered(access, "box")) == (False, b"200")
