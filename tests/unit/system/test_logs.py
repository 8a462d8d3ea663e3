"""What the journal is told: entries with fields, and lines with priorities where it takes none."""

import logging
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.edge.remote_log import message as remote_message
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
    failed = record("failed")
    failed.exc_info = (ValueError, ValueError("what it was"), None)
    handler.handle(failed)
    handler.close()
    text = b"appliance.edge.media: failed\n  ValueError: what it was"
    assert journal.recv(4096).startswith(b"MESSAGE\n" + len(text).to_bytes(8, "little") + text + b"\nPRIORITY=4\n")


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("peer 'a\nMESSAGE=b'", r"peer 'a\nMESSAGE=b'"),
        ("\r\n<0>all is lost", r"\r\n<0>all is lost"),
        ("\x1b[2J\x1b]0;x\x07\x9b1m", r"\x1b[2J\x1b]0;x\x07\x9b1m"),
        ("\u202egnp.exe\u2066\u2028\u200b", r"\u202egnp.exe\u2066\u2028\u200b"),
        ("\udcff\x00\U000e0041", r"\udcff\x00\U000e0041"),
        ("Bühne 舞台 🎤", "Bühne 舞台 🎤"),
    ],
)
def test_what_strangers_say_is_one_line_of_what_it_seems(
    message: str, shown: str, tmp_path: Path, journal: socket.socket, capsys: pytest.CaptureFixture[str]
) -> None:
    handler, nowhere = JournalHandler(str(tmp_path / "socket")), JournalHandler(str(tmp_path / "none"))
    failed = record("failed: %s")
    failed.args = (message,)
    failed.exc_info = (ValueError, ValueError(message), None)
    for each in (handler, nowhere):
        each.handle(failed)
        each.close()
    entry = journal.recv(4096).removeprefix(b"MESSAGE\n")
    lines = entry[8 : 8 + int.from_bytes(entry[:8], "little")].decode().split("\n")
    assert lines[0] == f"appliance.edge.media: failed: {shown}"
    assert all(line.startswith("  ") and line.isprintable() for line in lines[1:])
    said = capsys.readouterr().err.split("\n")
    assert said[0] == f"<4>appliance.edge.media: failed: {shown}"
    assert all(line.startswith("<4>  ") for line in said[1:-1])
    assert remote_message(failed, "box", 7).decode().endswith(f" - - failed: {shown}")


@pytest.mark.parametrize("message", ["short", "x" * 4_000_000])
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
