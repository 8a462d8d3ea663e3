"""The log as RFC 5424 messages, and where it goes."""

import logging
import re
import socket
from collections.abc import Iterator

import pytest

from appliance.core.store import Store
from appliance.discovery.contact import ContactPolicy
from appliance.edge.remote_log import APPLICATION, MAX_BYTES, RemoteLog, message
from appliance.nmos.is09.settings import keep
from tests.support.clock import FakeClock
from tests.support.leaks import run
from tests.unit.nmos.is09.test_settings import document


def record(level: int, text: str) -> logging.LogRecord:
    made = logging.LogRecord("appliance", level, __file__, 1, text, None, None)
    made.created = 1_700_000_000.5
    return made


def test_a_message_has_the_form_of_rfc_5424() -> None:
    assert message(record(logging.WARNING, "no\nregistry"), "my box", 7) == (
        f"<28>1 2023-11-14T22:13:20.500+00:00 mybox {APPLICATION} 7 - - no\\nregistry".encode()
    )
    assert message(record(logging.ERROR, "x"), "", 7).startswith(b"<27>1 2023-11-14T22:13:20.500+00:00 - ")
    assert message(record(logging.DEBUG, "x"), "h", 7).startswith(b"<31>1 ")


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.setblocking(False)
        yield server


def logged(server: socket.socket, policy: ContactPolicy) -> None:
    """Something is said before, while and after the System API names the server."""
    log = logging.getLogger("appliance.test")

    async def scenario() -> None:
        store = Store(FakeClock())
        remote = RemoteLog(store, policy)
        remote.start()
        log.warning("before")
        keep(store, document(syslog={"hostname": "127.0.0.1", "port": server.getsockname()[1]}))
        log.warning("during %s", "x" * 5000)
        keep(store, document())
        log.warning("after")
        await remote.stop()

    run(scenario())


def test_the_log_goes_where_the_system_says_and_no_further(server: socket.socket) -> None:
    logged(server, ContactPolicy(allow_local=True))
    packet = server.recv(10_000)
    assert re.match(rb"<28>1 \S+ \S+ nmos-appliance \d+ - - during xxx", packet)
    assert len(packet) == MAX_BYTES
    with pytest.raises(BlockingIOError):
        server.recv(10_000)


def test_no_log_goes_to_this_host_on_its_word(server: socket.socket) -> None:
    logged(server, ContactPolicy())
    with pytest.raises(BlockingIOError):
        server.recv(10_000)
