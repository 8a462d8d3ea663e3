"""`Crowd`: many fake nodes in one process on a host of the LAN.

with Crowd(host, peers=500, senders=20) as crowd:
    crowd.announce()
    assert sum(crowd.requests().values()) == 500 * 6
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any, Self

from tests.lan.box import CHECKOUT
from tests.lan.namespace import kill
from tests.lan.network import Host


class Crowd:
    """The controller of the process: see there."""

    def __init__(self, host: Host, *, peers: int, senders: int) -> None:
        self.host = host
        self.peers = peers
        self.senders = senders
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self._process = self.host.popen(
            [
                sys.executable,
                "-m",
                "tests.scale.crowd_process",
                self.host.address(),
                str(self.peers),
                str(self.senders),
            ],
            log=self.host.lan.log("crowd"),
            environment={"PYTHONPATH": str(CHECKOUT)},
            interactive=True,
        )
        self._reply()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process:
            kill(self._process)
            self._process = None

    @property
    def pid(self) -> int:
        assert self._process
        return self._process.pid

    def announce(self) -> float:
        """All of them, as fast as it goes; the monotonic time at which that began."""
        return float(self._ask("announce"))

    def requests(self) -> dict[str, int]:
        """How often what was asked for since the last time, by path below the API's version."""
        return dict(self._ask("requests"))

    def relabel(self) -> str:
        """One sender's new label."""
        return str(self._ask("relabel"))

    def _ask(self, command: str) -> Any:
        assert self._process
        assert self._process.stdin
        self._process.stdin.write(f"{command}\n")
        self._process.stdin.flush()
        return self._reply()

    def _reply(self) -> Any:
        assert self._process
        assert self._process.stdout
        line = self._process.stdout.readline()
        assert line, f"the crowd is gone; it said: {self.host.lan.log('crowd').read_text(encoding='utf-8')[-2000:]}"
        return json.loads(line)
