"""What the journal is told: entries with fields, and lines with priorities where it takes none."""

import logging
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.system.logs import RESOURCE, JournalHandler


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "socket"))
        listener.setblocking(False)
        yield listener


def record(message: str, level: int = logging.WARNING, resource: str | None = None) -> logging.LogRecord:
    made = logging.LogRecord("appliance.edge.media", level, "media.py", 1, message, (), None)
    setattr(made, RESOURCE, resource)
    return made


def test_an_entry_has_a_priority_and_says_whom_it_is_about(tmp_path: Path, journal: socket.socket) -> None:
    handler = JournalHandler(str(tmp_path / "socket"))
    handler.handle(record("no sound", resource="b8a9ee60"))
    handler.handle(record("it answers", logging.INFO))
    handler.close()
    assert journal.recv(4096).decode().splitlines() == [
        "MESSAGE=appliance.edge.media: no sound",
        "PRIORITY=4",
        "SYSLOG_IDENTIFIER=nmos-appliance",
        "LOGGER=appliance.edge.media",
        "NMOS_RESOURCE=b8a9ee60",
    ]
    assert b"PRIORITY=6\n" in (second := journal.recv(4096))
    assert b"NMOS_RESOURCE" not in second


def test_several_lines_are_one_entry(tmp_path: Path, journal: socket.socket) -> None:
    handler = JournalHandler(str(tmp_path / "socket"))
    handler.handle(record("first\nsecond"))
    handler.close()
    text = b"appliance.edge.media: first\nsecond"
    assert journal.recv(4096).startswith(b"MESSAGE\n" + len(text).to_bytes(8, "little") + text + b"\nPRIORITY=4\n")


@pytest.mark.parametrize("message", ["short\nof two lines", "x" * 4_000_000])
def test_what_it_does_not_take_goes_to_stderr(
    message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest
) -> None:
    """No journal; one that is there, and an entry longer than a datagram."""
    if len(message) > 1000:
        request.getfixturevalue("journal")
    handler = JournalHandler(str(tmp_path / "socket"))
    handler.handle(record(message))
    handler.close()
    lines = capsys.readouterr().err.splitlines()
    assert lines == [f"<4>{line}" for line in f"appliance.edge.media: {message}".splitlines()]
