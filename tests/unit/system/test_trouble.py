"""What the loop complains of, and what the box cannot go on with."""

import asyncio
import errno
import logging

import pytest

from appliance.system.trouble import QUIET_S, Trouble, component
from tests.support.virtual_time import VirtualLoop


class Room:
    """A loop in trouble."""

    def __init__(self) -> None:
        self.deaths = 0
        self.trouble = Trouble(self._die)
        self.loop = VirtualLoop()
        self.loop.set_exception_handler(self.trouble)

    def _die(self) -> None:
        self.deaths += 1


@pytest.fixture
def room() -> Room:
    return Room()


def accept_failed(number: int) -> dict[str, object]:
    """As `asyncio.selector_events` says it."""
    return {"message": "socket.accept() out of system resource", "exception": OSError(number, "x"), "socket": object()}


def test_want_of_descriptors_is_said_once_a_minute_and_without_a_traceback(
    room: Room, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(512):
        room.loop.call_exception_handler(accept_failed(errno.EMFILE))
    assert [record.exc_info for record in caplog.records] == [None]
    assert "Too many open files" in caplog.text
    room.loop.now += QUIET_S
    room.loop.call_exception_handler(accept_failed(errno.EMFILE))
    assert len(caplog.records) == 2
    assert room.deaths == 0
    room.loop.close()


@pytest.mark.parametrize(
    "context",
    [
        {"message": "a bug", "exception": ValueError("x")},
        {"message": "no file", "exception": OSError(errno.EMFILE, "x")},
        {"message": "a third", "exception": OSError(errno.EPIPE, "x"), "socket": object()},
        {"message": "a peer that broke the parser", "exception": ValueError("x"), "transport": asyncio.Transport()},
        {"message": "a broken client", "exception": MemoryError(), "transport": asyncio.Transport()},
    ],
    ids=lambda context: str(context["message"]),
)
def test_everything_else_is_said_as_asyncio_says_it(
    room: Room, caplog: pytest.LogCaptureFixture, context: dict[str, object]
) -> None:
    for _ in range(2):
        room.loop.call_exception_handler(context)
    assert [record.levelno for record in caplog.records] == [logging.ERROR] * 2
    assert all(record.name == asyncio.__name__ and record.exc_info for record in caplog.records)
    assert (room.deaths, room.trouble.died) == (0, False)
    room.loop.close()


def test_a_callback_without_memory_is_the_end(room: Room, caplog: pytest.LogCaptureFixture) -> None:
    room.loop.call_exception_handler({"message": "Exception in callback", "exception": MemoryError()})
    assert (room.deaths, room.trouble.died) == (1, True)
    assert caplog.records[-1].levelno == logging.CRITICAL
    room.loop.close()


def test_datagrams_that_cannot_be_read_are_the_end_and_a_connection_is_not() -> None:
    """With asyncio's own transports: which class they are depends on the release of Python."""

    async def deaths_of(kind: str) -> int:
        deaths: list[int] = []
        loop = asyncio.get_running_loop()
        trouble = Trouble(lambda: deaths.append(1))
        server: asyncio.Server | None = None
        transport: asyncio.BaseTransport
        if kind == "datagrams":
            transport, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, ("127.0.0.1", 0))
        else:
            server = await loop.create_server(asyncio.Protocol, "127.0.0.1", 0)
            transport, _ = await loop.create_connection(asyncio.Protocol, *server.sockets[0].getsockname())
        trouble(loop, {"message": "Fatal read error", "exception": MemoryError(), "transport": transport})
        transport.close()
        if server is not None:
            server.close()
        await asyncio.sleep(0.01)
        return len(deaths)

    assert asyncio.run(deaths_of("datagrams")) == 1
    assert asyncio.run(deaths_of("a connection")) == 0


async def fails() -> None:
    raise LookupError("a bug")


async def forever() -> None:
    await asyncio.Event().wait()


def test_a_component_that_fails_is_the_end_and_one_that_is_cancelled_is_not(
    room: Room, caplog: pytest.LogCaptureFixture
) -> None:
    async def life() -> None:
        waiting, _ = component(forever(), "patient"), component(fails(), "state writer")
        await asyncio.sleep(1)
        assert room.deaths == 1
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await asyncio.sleep(1)

    with asyncio.Runner(loop_factory=lambda: room.loop) as runner:
        room.loop.set_exception_handler(room.trouble)
        runner.run(life())
    assert room.deaths == 1
    assert "state writer" in caplog.text
    assert "patient" not in caplog.text
