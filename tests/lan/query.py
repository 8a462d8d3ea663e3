"""`QueryApi`: a fake network Query API in a process of its own on a host of the LAN, which holds what it is told.

with QueryApi(host, "registry") as registry:
    registry.hold(peer_documents("desk", "10.0.0.9"))
    registry.announce()
    registry.kill()          # and the box goes back to its peers
"""

import json
import select
import signal
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

from tests.lan.box import CHECKOUT
from tests.lan.documents import Resources
from tests.lan.namespace import kill
from tests.lan.network import Host
from tests.lan.waiting import PATIENCE_S

QUERY_PORT = 8020
KINDS = ("nodes", "devices", "sources", "flows", "senders", "receivers")


@dataclass(frozen=True, slots=True)
class Asked:
    """One request that it received; `path` with its query; `at` is this machine's monotonic time."""

    method: str
    path: str
    at: float
    body: Any


class QueryApi:
    """The controller. Its HTTP server runs from `start` on; it is silent until `announce`."""

    def __init__(
        self, host: Host, name: str, *, port: int = QUERY_PORT, versions: Sequence[str] = ("v1.2", "v1.3")
    ) -> None:
        self.host = host
        self.name = name
        self.port = port
        self.versions = tuple(versions)
        self._held: dict[str, list[dict[str, Any]]] = {}
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def url(self) -> str:
        return f"http://{self.host.address()}:{self.port}/x-nmos/query"

    def start(self) -> Self:
        """Start it, with what it held before."""
        self._process = self.host.popen(
            [sys.executable, "-m", "tests.lan.query_process", self.host.address()],
            log=self.host.lan.log(f"query-{self.name}"),
            environment={"PYTHONPATH": str(CHECKOUT)},
            interactive=True,
        )
        self._reply()
        self._tell("listen", port=self.port, versions=self.versions)
        self._tell("hold", resources=self._held)
        return self

    def kill(self) -> None:
        """kill -9: no goodbye, connections are refused. May be repeated."""
        if self._process:
            kill(self._process)
            self._process = None

    def freeze(self) -> None:
        """SIGSTOP: connections stay, and nothing ever comes."""
        self._running().send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._running().send_signal(signal.SIGCONT)

    def announce(self, **txt: str) -> float:
        """Announce it as `_nmos-query._tcp`; `txt` changes what it says (pri="10")."""
        return float(self._tell("announce", instance=self.name, txt=txt))

    def withdraw(self) -> None:
        """Say goodbye; the HTTP server stays."""
        self._tell("withdraw")

    def hold(self, *nodes: Resources) -> None:
        """Have the resources of these nodes, and no others, and tell who follows."""
        self._held = {
            plural: [body for node in nodes for body in ([node["self"]] if plural == "nodes" else node[plural])]
            for plural in KINDS
        }
        self._tell("hold", resources=self._held)

    def held(self, plural: str) -> list[dict[str, Any]]:
        return self._held.get(plural, [])

    def hang_up(self) -> None:
        """Close every WebSocket; the HTTP server stays."""
        self._tell("hang_up")

    def say(self, text: str) -> None:
        """Any lie, to everybody who follows."""
        self._tell("say", text=text)

    def fault(self, status: int | None) -> None:
        """Answer every request so; None: rightly again."""
        self._tell("fault", status=status)

    def followers(self) -> int:
        """How many WebSockets are open."""
        return int(self._tell("followers"))

    def requests(self, *, forget: bool = False) -> list[Asked]:
        return [Asked(**request) for request in self._tell("requests", forget=forget)]

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
            log = self.host.lan.log(f"query-{self.name}").read_text(encoding="utf-8")
            raise AssertionError(f"Query API {self.name} does not reply; it said:\n{log[-4000:]}")
        reply = json.loads(line)
        if "error" in reply:
            raise AssertionError(f"Query API {self.name}: {reply['error']}")
        return reply["result"]

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None:
            raise RuntimeError(f"Query API {self.name} does not run")
        return self._process


def labels(bodies: Iterable[dict[str, Any]]) -> set[str]:
    return {body["label"] for body in bodies}
