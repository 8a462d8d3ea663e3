"""The process behind `tests.scale.crowd.Crowd`: `python -m tests.scale.crowd_process ADDRESS PEERS SENDERS`.

Every peer has a port of its own on one address, its own Node API of v1.3 and its own mDNS service. A word comes in on
stdin, a line of JSON goes out: `announce` (the monotonic time of the first packet), `requests` (how many came since it
was last asked), `relabel` (the first peer's first sender gets this new label, and `ver_snd` moves). The end of stdin
ends the process, without a goodbye.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from functools import partial
from typing import Any

from zeroconf import IPVersion, ServiceInfo
from zeroconf.asyncio import AsyncZeroconf

from tests.lan.documents import Documents, peer_documents
from tests.lan.peer import NODE_TYPE, node_txt

FIRST_PORT = 20_000
_BASE = "/x-nmos/node/v1.3"
_LISTS = ("devices", "sources", "flows", "senders", "receivers")


class Crowd:
    """All of the peers."""

    def __init__(self, address: str, peers: int, senders: int) -> None:
        self._requests: Counter[str] = Counter()
        self._peers = [_Peer(number, address, senders) for number in range(peers)]

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        for peer in self._peers:
            await loop.create_server(partial(_Http, peer.bodies, self._requests), peer.address, peer.port, backlog=16)
        self._zeroconf = AsyncZeroconf(interfaces=[self._peers[0].address], ip_version=IPVersion.V4Only)
        await self._zeroconf.zeroconf.async_wait_for_start()

    async def announce(self) -> float:
        began = time.monotonic()
        self._repeats = [
            await self._zeroconf.async_register_service(peer.info(), cooperating_responders=True)
            for peer in self._peers
        ]
        return began

    async def requests(self) -> dict[str, int]:
        """By what was asked for."""
        said = dict(self._requests)
        self._requests.clear()
        return said

    async def relabel(self) -> str:
        self._peers[0].relabel()
        await self._zeroconf.async_update_service(self._peers[0].info())
        return self._peers[0].label


class _Peer:
    def __init__(self, number: int, address: str, senders: int) -> None:
        self.name, self.address, self.port = f"peer-{number}", address, FIRST_PORT + number
        self.bodies: dict[str, bytes] = {}
        self.label = ""
        self._documents = peer_documents(self.name, address, port=self.port, senders=senders)
        self._txt = node_txt(self._documents)
        self._write()

    def info(self) -> ServiceInfo:
        return ServiceInfo(
            NODE_TYPE,
            f"{self.name}.{NODE_TYPE}",
            port=self.port,
            parsed_addresses=[self.address],
            server="crowd.local.",
            properties=self._txt,
        )

    def relabel(self) -> None:
        counter = (int(self._txt["ver_snd"] or 0) + 1) % 256
        self._txt["ver_snd"], self.label = str(counter), f"Renamed {counter}"
        sender = self._documents.node_api["v1.3"]["senders"][0]
        sender.update(label=self.label, version=f"{1_800_000_000 + counter}:0")
        self._write()

    def _write(self) -> None:
        self.bodies.update(_bodies(self._documents))


class _Http(asyncio.Protocol):
    """Answers GET, one after the other on a connection, and nothing else."""

    def __init__(self, bodies: dict[str, bytes], requests: Counter[str]) -> None:
        self._bodies = bodies
        self._requests = requests
        self._read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._read += data
        while b"\r\n\r\n" in self._read:
            head, self._read = self._read.split(b"\r\n\r\n", 1)
            self._transport.write(self._answer(head.split(b" ", 2)[1].decode().rstrip("/")))

    def _answer(self, path: str) -> bytes:
        self._requests[path.removeprefix(_BASE)] += 1
        body, status = self._bodies.get(path), "200 OK"
        if body is None:
            body, status = b'{"code": 404, "error": "not here", "debug": null}', "404 Not Found"
        head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        return head.encode() + body


def _bodies(documents: Documents) -> dict[str, bytes]:
    resources = documents.node_api["v1.3"]
    pages: dict[str, Any] = {"/x-nmos/node": ["v1.3/"], _BASE: ["self/", *(f"{kind}/" for kind in _LISTS)]}
    pages |= {f"{_BASE}/{kind}": resources[kind] for kind in ("self", *_LISTS)}
    files = {path: text.encode() for path, text in documents.files.items()}
    return {path: json.dumps(page).encode() for path, page in pages.items()} | files


async def main(address: str, peers: int, senders: int) -> None:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    crowd = Crowd(address, peers, senders)
    await crowd.start()
    commands = {"announce": crowd.announce, "requests": crowd.requests, "relabel": crowd.relabel}
    print(json.dumps("ready"), flush=True)
    while line := await reader.readline():
        print(json.dumps(await commands[line.decode().strip()]()), flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
