"""`Registry`: a fake registry (Registration API, and System API) in a process of its own on a host of the LAN.

It keeps to the rules of the Registration API (parents first, 409, garbage collection), announces itself by zeroconf,
misbehaves on command, and hands over what it was asked and what it holds.

    with Registry(host, "reg") as registry:
        registry.announce()
        eventually(lambda: registry.held().get("receiver"), "the box to register")
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from tests.lan.network import Host
from tests.lan.puppet import Puppet

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


class Registry(Puppet):
    """The controller. Its HTTP server runs from `start` on; it is silent until `announce`."""

    MODULE = "tests.lan.registry_process"
    WHAT = "registry"

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
        super().__init__(host, name)
        self.port = port
        self.versions = tuple(versions)
        self._forget_s = forget_s
        self._system = dict(system) if system else None

    @property
    def url(self) -> str:
        return f"http://{self.host.address()}:{self.port}"

    def start(self) -> Self:
        self._launch(self.host.address())
        self._tell("listen", port=self.port, versions=self.versions, forget_s=self._forget_s, system=self._system)
        return self

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
        """Misbehave where "METHOD path" matches: `kind` answer (with these), hang, garbage, cut."""
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
