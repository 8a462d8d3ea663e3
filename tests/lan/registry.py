"""`Registry`: a fake registry (Registration API, and System API) in a process of its own on a host of the LAN.

It keeps to the rules of the Registration API (parents first, 409, garbage collection), announces itself by zeroconf,
misbehaves on command, and hands over what it was asked and what it holds.

    with Registry(host, "reg") as registry:
        registry.announce()
        eventually(lambda: registry.held().get("receiver"), "the box to register")
"""

import json
import select
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from tests.lan.box import CHECKOUT
from tests.lan.namespace import kill
from tests.lan.network import Host
from tests.lan.waiting import PATIENCE_S

REGISTER_TYPE = "_nmos-register._tcp.local."
LEGACY_REGISTER_TYPE = "_nmos-registration._tcp.local."
SYSTEM_TYPE = "_nmos-system._tcp.local."
REGISTRY_PORT = 8010


@dataclass(frozen=True, slots=True)
class Received:
    """One request; `at` is this machine's monotonic time. `str()` is short: "POST node v1.3", "BEAT v1.3"."""

    method: str
    path: str
    at: float
    headers: dict[str, str]
    body: Any

    def __str__(self) -> str:
        parts = self.path.strip("/").split("/")
        if "health" in parts:
            return f"BEAT {parts[2]}"
        if self.method == "POST" and self.body:
            return f"POST {self.body['type']} {parts[2]}"
        return f"{self.method} {' '.join(parts[4:5])} {parts[2] if len(parts) > 2 else ''}".strip()


class Registry:
    """The controller. Its HTTP server runs from `start` on; it is silent until `announce`."""

    def __init__(
        self,
        host: Host,
        name: str,
        *,
        port: int = REGISTRY_PORT,
        versions: Sequence[str] = ("v1.0", "v1.1", "v1.2", "v1.3"),
        forget_s: float = 12.0,
        system: Mapping[str, Any] | None = None,
    ) -> None:
        self.host = host
        self.name = name
        self.port = port
        self.versions = tuple(versions)
        self._forget_s = forget_s
        self._system = dict(system) if system else None
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def url(self) -> str:
        return f"http://{self.host.address()}:{self.port}"

    def start(self) -> Self:
        self._process = self.host.popen(
            [sys.executable, "-m", "tests.lan.registry_process", self.host.address()],
            log=self.host.lan.log(f"registry-{self.name}"),
            environment={"PYTHONPATH": str(CHECKOUT)},
            interactive=True,
        )
        self._reply()
        self._tell("listen", port=self.port, versions=self.versions, forget_s=self._forget_s, system=self._system)
        return self

    def kill(self) -> None:
        """kill -9: no goodbye, no more answers, connections are refused. May be repeated."""
        if self._process:
            kill(self._process)
            self._process = None

    def freeze(self) -> None:
        """SIGSTOP: connections are accepted by the kernel, and nothing ever comes."""
        self._running().send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._running().send_signal(signal.SIGCONT)

    def announce(self, type: str = REGISTER_TYPE, *, instance: str | None = None, **txt: str) -> float:
        """Announce it; `txt` changes what it says (pri="10", api_ver="v1.2")."""
        records = {"api_ver": "v1.0" if type == SYSTEM_TYPE else ",".join(self.versions), **txt}
        return float(self._tell("announce", type=type, instance=instance or self.name, port=self.port, txt=records))

    def withdraw(self) -> None:
        """Say goodbye; the HTTP server stays."""
        self._tell("withdraw")

    def fault(
        self,
        kind: str,
        match: str = "*",
        *,
        times: int | None = None,
        status: int = 500,
        text: str = "",
        content_type: str = "application/json",
    ) -> None:
        """Misbehave where "METHOD path" matches: `kind` answer (with these), hang, garbage."""
        fault = {"kind": kind, "match": match, "times": times, "status": status, "text": text}
        self._tell("fault", fault={**fault, "content_type": content_type})

    def heal(self) -> None:
        self._tell("heal")

    def forget(self) -> None:
        """Lose everything, as a registry without a disk does when it restarts."""
        self._tell("forget")

    def hold(self, version: str, **resources: Mapping[str, Any]) -> None:
        """Have these from earlier times: `hold("v1.2", node={id: body})`."""
        self._tell("hold", resources=resources, version=version)

    def held(self) -> dict[str, dict[str, Any]]:
        """What it holds, by type and id."""
        held: dict[str, dict[str, Any]] = self._tell("held")
        return held

    def requests(self, *, forget: bool = False) -> list[Received]:
        return [Received(**request) for request in self._tell("requests", forget=forget)]

    def _tell(self, command: str, **arguments: object) -> Any:
        stdin = self._running().stdin
        assert stdin
        stdin.write(json.dumps({"command": command, "arguments": arguments}) + "\n")
        stdin.flush()
        return self._reply()

    def _reply(self) -> Any:
        stdout = self._running().stdout
        assert stdout
        readable, _, _ = select.select([stdout], [], [], PATIENCE_S)
        line = stdout.readline() if readable else ""
        if not line:
            log = self.host.lan.log(f"registry-{self.name}").read_text(encoding="utf-8")
            raise AssertionError(f"registry {self.name} does not reply; it said:\n{log[-4000:]}")
        reply = json.loads(line)
        if "error" in reply:
            raise AssertionError(f"registry {self.name}: {reply['error']}")
        return reply["result"]

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None:
            raise RuntimeError(f"registry {self.name} does not run")
        return self._process
