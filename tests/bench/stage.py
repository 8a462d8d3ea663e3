"""`Stage`: where a bench plays: hosts on a LAN of namespaces, boxes on them, and measured connections to those.

Without root there are no namespaces: then every host is this machine, over loopback, and its boxes announce nothing.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Self, TypeVar

from appliance.system.loopstats import VARIABLE
from tests.bench.configs import box_config
from tests.lan.box import LOOPBACK, Box
from tests.lan.network import Host, Lan
from tests.lan.waiting import eventually

T = TypeVar("T")

NODE = "/x-nmos/node/v1.3"
SINGLE = "/x-nmos/connection/v1.1/single"
BULK = "/x-nmos/connection/v1.1/bulk"
IMMEDIATE = {"mode": "activate_immediate"}


def can_make_namespaces() -> bool:
    """Root, and the programs that it takes."""
    return os.geteuid() == 0 and all(map(shutil.which, ("ip", "setpriv")))


class Stage:
    """What one bench has for itself, from `with` to its end. `quick`: fewer and shorter, to see whether it works."""

    def __init__(self, folder: Path, *, quick: bool, namespaces: bool) -> None:
        self.quick = quick
        self._folder = folder
        self._namespaces = namespaces
        self._lan = Lan(folder)
        self._boxes = 0
        self._left = ExitStack()

    def __enter__(self) -> Self:
        if self._namespaces:
            self._left.enter_context(self._lan)
        else:
            self._left.callback(self._lan.close)
        return self

    def __exit__(self, *_: object) -> None:
        self._left.close()

    def some(self, usual: int, quick: int) -> int:
        """How many samples to take, or how many seconds to spend."""
        return quick if self.quick else usual

    def host(self, name: str, switch: str = "red") -> Host:
        """A new host with one port, eth0, on this switch."""
        return self._lan.host(name, {"eth0": switch}) if self._namespaces else ThisMachine(self._lan, name)

    def new_box(
        self, host: Host, senders: int = 11, receivers: int = 11, *, measured: bool = False, config: str | None = None
    ) -> Box:
        """A box that is not started yet; of a `measured` one `longest_callback` can be asked, at some cost. `config`
        takes the place of the usual one, with so many senders and receivers."""
        self._boxes += 1
        name = f"box{self._boxes}"
        here = isinstance(host, ThisMachine)
        config = config or box_config(
            senders, receivers, interface="lo" if here else "eth0", mode="off" if here else "peer-to-peer"
        )
        box = Box(
            host,
            self._folder / name,
            config,
            name=name,
            port=_free_port() if here else 8080,
            environment={VARIABLE: str(self._stats_file(name))} if measured else None,
        )
        self._lan.at_close(box.kill)
        return box

    def box(
        self, host: Host, senders: int = 11, receivers: int = 11, *, measured: bool = False, config: str | None = None
    ) -> Box:
        """A box that answers."""
        return self.new_box(host, senders, receivers, measured=measured, config=config).start()

    def loop_stats(self, box: Box) -> dict[str, Any]:
        """What a measured box's callbacks cost since this was last asked."""
        file = self._stats_file(box.name)
        before = _read(file).get("serial", 0)
        os.kill(box.pid, signal.SIGUSR1)
        return eventually(lambda: stats if (stats := _read(file)).get("serial", 0) > before else None, "the figures")

    def enter(self, running: Any) -> Any:
        """Enter it now, leave it with the stage."""
        self._lan.enter(running)
        return running

    def file(self, name: str) -> Path:
        """A file of the bench's own; it is gone afterwards."""
        return self._folder / name

    def logs(self) -> Mapping[str, Path]:
        return self._lan.logs

    def _stats_file(self, name: str) -> Path:
        return self._folder / f"{name}.loop.json"


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer, in seconds of wall clock: that is what captures go by."""

    sent: float
    answered: float
    status: int
    body: Any

    @property
    def took_ms(self) -> float:
        return (self.answered - self.sent) * 1000


class Connection:
    """One kept HTTP connection to a box, from its own host, for requests whose time matters."""

    def __init__(self, box: Box) -> None:
        self._http = HTTPConnection(LOOPBACK, box.port, timeout=30)
        self._http.sock = box.host.connect(LOOPBACK, box.port)
        self._http.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def send(self, method: str, path: str, body: object = None) -> Exchange:
        """AssertionError where the answer is an error."""
        payload = None if body is None else json.dumps(body).encode()
        headers = {} if payload is None else {"Content-Type": "application/json"}
        sent = time.time()
        self._http.request(method, path, payload, headers)
        response = self._http.getresponse()
        content = response.read()
        answered = time.time()
        assert response.status < 400, f"{method} {path}: {response.status} {content[:500]!r}"
        return Exchange(sent, answered, response.status, json.loads(content))

    def ids(self, kind: str) -> list[str]:
        """The ids of all "senders" or "receivers", in the configuration's order."""
        return [resource["id"] for resource in self.send("GET", f"{NODE}/{kind}").body]


class ThisMachine(Host):
    """Stands in for a host where namespaces cannot be made: this machine itself, which has no port of its own."""

    def call(self, function: Callable[[], T]) -> T:
        return function()

    def run(
        self, command: Sequence[str], *, check: bool = True, timeout_s: float = 30.0, stdin: str = ""
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=timeout_s, check=check)

    def popen(
        self,
        command: Sequence[str],
        *,
        log: Path | None = None,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
        interactive: bool = False,
    ) -> subprocess.Popen[str]:
        with (log or Path(os.devnull)).open("a", encoding="utf-8") as sink:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                env={**os.environ, **(environment or {})},
                cwd=folder,
                text=True,
                start_new_session=True,
            )

    def __init__(self, lan: Lan, label: str) -> None:
        super().__init__(lan, label, label)


def _free_port() -> int:
    with socket.create_server((LOOPBACK, 0)) as listening:
        return int(listening.getsockname()[1])


def _read(file: Path) -> dict[str, Any]:
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
