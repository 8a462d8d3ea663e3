"""`Peer`: a fake NMOS node in a process of its own on a host of the LAN, which does and answers what it is told.

It serves `Documents` as its Node API, announces itself by zeroconf with any TXT records, misbehaves on command
(`Fault`), and hands over the list of the requests that it received.

    with Peer(host, "desk", peer_documents("desk", host.address(), senders=2)) as desk:
        desk.announce()
        desk.relabel("senders", 0, "Talkback")      # and ver_snd moves
        assert len(desk.requests()) == 1
"""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

from tests.lan.documents import NODE_PORT, Documents
from tests.lan.network import Host
from tests.lan.puppet import Puppet

NODE_TYPE = "_nmos-node._tcp.local."
COUNTERS = {
    "self": "ver_slf",
    "sources": "ver_src",
    "flows": "ver_flw",
    "devices": "ver_dvc",
    "senders": "ver_snd",
    "receivers": "ver_rcv",
}

Txt = dict[str, str | None]  # None: a key without "="; bytes that are not UTF-8: with surrogateescape


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to misbehave; what each means is in `peer_process`."""

    kind: str
    seconds: float = 0.0
    status: int = 200
    content_type: str = "application/json"
    text: str = ""

    @classmethod
    def delay(cls, seconds: float) -> Self:
        """The right answer, late."""
        return cls("delay", seconds=seconds)

    @classmethod
    def hang(cls) -> Self:
        """The request is taken, and nothing ever comes."""
        return cls("hang")

    @classmethod
    def trickle(cls, seconds: float) -> Self:
        """The right answer, a byte at a time, `seconds` apart."""
        return cls("trickle", seconds=seconds)

    @classmethod
    def error(cls, status: int) -> Self:
        """An error answer with the JSON body that NMOS wants."""
        return cls("body", status=status, text=json.dumps({"code": status, "error": "told to", "debug": None}))

    @classmethod
    def html(cls, status: int = 200) -> Self:
        """A page, as from a captive portal or a proxy."""
        return cls("body", status=status, content_type="text/html", text="<!DOCTYPE html><title>Log in</title>")

    @classmethod
    def body(cls, text: str, status: int = 200, content_type: str = "application/json") -> Self:
        """Any lie."""
        return cls("body", status=status, content_type=content_type, text=text)

    @classmethod
    def truncated(cls) -> Self:
        """A whole HTTP answer that holds half of its JSON."""
        return cls("truncated")

    @classmethod
    def cut(cls) -> Self:
        """The connection ends in the middle of the body."""
        return cls("cut")

    @classmethod
    def typed(cls, content_type: str) -> Self:
        """The right body under another content type."""
        return cls("typed", content_type=content_type)

    @classmethod
    def endless(cls) -> Self:
        """A body that never ends."""
        return cls("endless")

    @classmethod
    def redirect(cls, location: str) -> Self:
        """302 to somewhere else."""
        return cls("redirect", text=location)


@dataclass(frozen=True, slots=True)
class Request:
    """One request that a peer received; `at` is this machine's monotonic time, that of `time.monotonic()`."""

    method: str
    path: str
    at: float


class Peer(Puppet):
    """The controller of one fake node. Its HTTP server runs from `start` on; it is silent until `announce`."""

    MODULE = "tests.lan.peer_process"
    WHAT = "peer"

    def __init__(
        self,
        host: Host,
        name: str,
        documents: Documents | None = None,
        *,
        port: int = NODE_PORT,
        families: Sequence[int] = (4,),
    ) -> None:
        """`families` are the IP versions that it announces itself over, and the addresses of: 4, 6 or both."""
        super().__init__(host, name)
        self.port = port
        self.documents = documents or Documents({}, {})
        self.txt = node_txt(self.documents)
        self._families = tuple(families)
        self._announced = False

    def start(self) -> Self:
        """Start the process and serve the documents."""
        self._launch(*self._addresses())
        self._tell("serve", **asdict(self.documents))
        self.accept()
        return self

    def kill(self) -> None:
        """The power goes: no goodbye, no more answers. May be repeated."""
        super().kill()
        self._announced = False

    def restart(self) -> None:
        """The power goes and comes back: the same documents, the same TXT with its counters at their beginning."""
        self.kill()
        self.start()
        self.txt = node_txt(self.documents)
        self.announce()

    # What it announces

    @property
    def announced(self) -> bool:
        """Whether it was told to announce itself, and not yet to leave."""
        return self._process is not None and self._announced

    def announce(self, txt: Mapping[str, str | None] | None = None, *, probe: bool = False, **more: Any) -> float:
        """Register as `_nmos-node._tcp` with this TXT (default: `self.txt`); when it was told to, in monotonic time.

        `probe` spends the second that it takes to ask whether the name is free; else it is claimed at once. `more`:
        instance, type, port, server, addresses, where these shall not be the usual ones.
        """
        if txt is not None:
            self.txt = dict(txt)
        self._announced = True
        service = {"instance": self.name, "type": NODE_TYPE, "port": self.port, "addresses": [*self._addresses()]}
        return self._at("announce", txt=self.txt, probe=probe, **{**service, **more})

    def set_txt(self, **changes: str | None) -> float:
        """Announce changed TXT records: `set_txt(ver_snd="3")`."""
        self.txt.update(changes)
        return self._at("set_txt", txt=self.txt)

    def bump(self, *kinds: str) -> float:
        """Count the counters of these resource types up by one, and announce that. 255 is followed by 0."""
        keys = [COUNTERS[kind] for kind in kinds]
        return self.set_txt(**{key: str((int(self.txt.get(key) or 0) + 1) % 256) for key in keys})

    def reannounce(self) -> float:
        """Say once more, unasked, what was said before."""
        return self._at("reannounce")

    def flicker(self) -> float:
        """A goodbye and at once the announcement again, as avahi does when a static service file is edited."""
        return self._at("flicker")

    def withdraw(self) -> float:
        """Say goodbye; the HTTP server stays."""
        self._announced = False
        return self._at("withdraw")

    def vanish(self) -> float:
        """Fall silent on mDNS without a goodbye; the HTTP server stays. See `kill` for a power cut."""
        self._announced = False
        return self._at("vanish")

    # What it serves

    def serve(self, documents: Documents) -> None:
        """Serve other documents from now on. No counter moves."""
        self.documents = documents
        self._tell("serve", **asdict(documents))

    def relabel(self, kind: str, number: int, label: str) -> float:
        """Change the label of the `number`th of a type of resource in every API version, and move its counter."""
        for resources in self.documents.node_api.values():
            resource = resources["self"] if kind == "self" else resources[kind][number]
            seconds, _, nanoseconds = resource["version"].partition(":")
            resource.update(label=label, version=f"{seconds}:{int(nanoseconds) + 1}")
        self.serve(self.documents)
        return self.bump(kind)

    def fault(self, fault: Fault, path: str = "*", times: int | None = None) -> None:
        """Misbehave where the path matches the pattern ("*/senders*"), always or so many times. The last one wins."""
        self._tell("fault", fault=asdict(fault), path=path, times=times)

    def heal(self) -> None:
        """Forget every fault."""
        self._tell("heal")

    def refuse(self) -> None:
        """Close the port: connections are refused, and those that are open are ended."""
        self._tell("refuse")

    def accept(self) -> None:
        """Open the port."""
        self._tell("accept", port=self.port)

    def requests(self, path: str = "*", *, forget: bool = False) -> list[Request]:
        """The requests received so far whose path matches; with `forget`, counting begins anew."""
        return [Request(**request) for request in self._tell("requests", path=path, forget=forget)]

    def _addresses(self) -> list[str]:
        addresses = []
        for port in self.host.cables:
            if 4 in self._families:
                addresses.append(self.host.address(port))
            if 6 in self._families:
                addresses += [self.host.address6(port), self.host.link_local(port)]
        return addresses

    def _at(self, command: str, **arguments: object) -> float:
        """When the peer began to carry out a command about its announcement."""
        return float(self._tell(command, **arguments))


def node_txt(documents: Documents) -> Txt:
    """The TXT records of a node in peer-to-peer mode, its counters at 0 (IS-04 Discovery, "Peer to Peer Operation")."""
    txt: Txt = {"api_proto": "http", "api_ver": ",".join(sorted(documents.node_api)), "api_auth": "false"}
    return txt | dict.fromkeys(COUNTERS.values(), "0")


def settle(peer: Peer, quiet_s: float = 1.0) -> list[Request]:
    """All requests to a peer, once none has come for a while: for "and no more than that"."""
    count = -1
    while count != len(received := peer.requests()):
        count = len(received)
        time.sleep(quiet_s)
    return received
