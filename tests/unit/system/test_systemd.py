"""What systemd is told, over a real datagram socket."""

import os
import socket
from pathlib import Path

import pytest

from appliance.system.systemd import Notifier


def listen(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind(str(path))
    listener.settimeout(5)
    return listener


def test_ready_status_watchdog_and_stopping_reach_the_socket(tmp_path: Path) -> None:
    with listen(tmp_path / "notify") as listener:
        notifier = Notifier({"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "30000000"})
        notifier.ready()
        notifier.status("two\nlines")
        notifier.status("two\nlines")
        notifier.alive()
        notifier.stopping()
        notifier.close()
        received = [listener.recv(1000) for _ in range(4)]
    assert received == [b"READY=1", b"STATUS=two lines", b"WATCHDOG=1", b"STOPPING=1"]
    assert notifier.watchdog_s == 30.0


def test_without_systemd_nothing_happens() -> None:
    notifier = Notifier({})
    notifier.ready()
    notifier.close()
    assert notifier.watchdog_s is None


@pytest.mark.parametrize("environment", [{"WATCHDOG_USEC": "soon"}, {"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1"}])
def test_a_watchdog_for_somebody_else_is_not_ours(environment: dict[str, str]) -> None:
    assert os.getpid() != 1
    assert Notifier(environment).watchdog_s is None


def test_a_dead_listener_is_not_fatal(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": str(tmp_path / "nobody")})
    notifier.ready()
    notifier.close()
    assert "could not be told READY" in caplog.text
