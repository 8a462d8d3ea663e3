"""`QueryApi`: a fake network Query API in a process of its own on a host of the LAN, which holds what it is told.

with QueryApi(host, "registry") as registry:
    registry.hold(peer_documents("desk", "10.0.0.9"))
    registry.announce()
    registry.kill()          # and the box goes back to its peers
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

from tests.lan.documents import Resources
from tests.lan.network import Host
from tests.lan.puppet import Puppet

QUERY_PORT = 8020
KINDS = ("nodes", "devices", "sources", "flows", "senders", "receivers")


@dataclass(frozen=True, slots=True)
class Asked:
    """One request that it received; `path` with its query; `at` is this machine's monotonic time."""

    method: str
    path: str
    at: float
    body: Any


class QueryApi(Puppet):
    """The controller. Its HTTP server runs from `start` on; it is silent until `announce`."""

    MODULE = "tests.lan.query_process"
    WHAT = "Query API"

    def __init__(
        self, host: Host, name: str, *, port: int = QUERY_PORT, versions: Sequence[str] = ("v1.2", "v1.3")
    ) -> None:
        super().__init__(host, name)
        self.port = port
        self.versions = tuple(versions)
        self._held: dict[str, list[dict[str, Any]]] = {}

    @property
    def url(self) -> str:
        return f"http://{self.host.address()}:{self.port}/x-nmos/query"

    def start(self) -> Self:
        """Start it, with what it held before."""
        self._launch(self.host.address())
        self._tell("listen", port=self.port, versions=self.versions)
        self._tell("hold", resources=self._held)
        return self

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


def labels(bodies: Iterable[dict[str, Any]]) -> set[str]:
    return {body["label"] for body in bodies}
