"""The process behind `tests.lan.registry.Registry`: `python -m tests.lan.registry_process ADDRESS...`, told on stdin.

A Registration API by the rules of its RAML (IS-04), a System API (IS-09), and their announcements. What goes over stdin
and stdout is as in `peer_process`.
"""

import asyncio
import json
import re
import socket
import sys
import time
from fnmatch import fnmatchcase
from typing import Any

from aiohttp import web

from tests.lan.peer_process import Announcer
from tests.lan.puppet_process import obey

_PATH = re.compile(
    r"/x-nmos/registration/(?P<version>v[0-9.]+)/(?P<what>resource|health)(/(?P<kind>\w+)/(?P<id>[^/]+))?"
)
_PARENTS = {"device": "node_id", "source": "device_id", "flow": "source_id", "sender": "device_id",
            "receiver": "device_id"}  # fmt: skip
_TXT = {"api_ver": "", "api_proto": "http", "api_auth": "false", "pri": "0"}


class FakeRegistry:
    """What the registry holds and what it was asked. The public coroutines are the commands."""

    def __init__(self, addresses: list[str]) -> None:
        self._addresses = addresses
        self._announcers: dict[str, Announcer] = {}
        self._held: dict[str, dict[str, Any]] = {}
        self._beats: dict[str, float] = {}
        self._version: dict[str, str] = {}
        self._received: list[dict[str, Any]] = []
        self._faults: list[dict[str, Any]] = []
        self._versions: list[str] = []
        self._system: dict[str, Any] | None = None
        self._forget_s = 12.0

    async def listen(self, port: int, versions: list[str], forget_s: float, system: dict[str, Any] | None) -> None:
        self._versions, self._forget_s, self._system = versions, forget_s, system
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._answer)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        sock = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=128)
        await web.SockSite(runner, sock, shutdown_timeout=0.1).start()

    async def announce(self, type: str, instance: str, port: int, txt: dict[str, str]) -> float:
        announcer = self._announcers[type] = Announcer(self._addresses)
        return await announcer.announce(instance, type, port, self._addresses, {**_TXT, **txt}, probe=False)

    async def withdraw(self) -> None:
        while self._announcers:
            _, announcer = self._announcers.popitem()
            await announcer.withdraw()

    async def fault(self, fault: dict[str, Any]) -> None:
        self._faults.insert(0, fault)

    async def heal(self) -> None:
        self._faults.clear()

    async def forget(self) -> None:
        self._held.clear()

    async def hold(self, resources: dict[str, dict[str, Any]], version: str) -> None:
        """Have these nodes from earlier times."""
        for kind, bodies in resources.items():
            self._held.setdefault(kind, {}).update(bodies)
        for id in resources.get("node", {}):
            self._version[id], self._beats[id] = version, time.monotonic()

    async def held(self) -> dict[str, dict[str, Any]]:
        self._collect_garbage()
        return {kind: bodies for kind, bodies in self._held.items() if bodies}

    async def requests(self, forget: bool) -> list[dict[str, Any]]:
        received = self._received
        if forget:
            self._received = []
        return received

    # What it answers

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        document = json.loads(body) if body else None
        note = {
            "method": request.method,
            "path": request.path,
            "at": time.monotonic(),
            "headers": {name.lower(): value for name, value in request.headers.items()},
            "body": document,
        }
        self._received.append(note)
        if fault := self._fault_at(f"{request.method} {request.path}"):
            if fault["kind"] == "hang":
                await asyncio.Event().wait()
            if fault["kind"] == "cut" and request.transport:
                request.transport.write(
                    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"
                )
                request.transport.close()
            if fault["kind"] == "garbage" and request.transport:
                request.transport.write(b"\x00\xff not HTTP at all\r\n\r\n")
                request.transport.close()
            return web.Response(status=fault["status"], text=fault["text"], content_type=fault["content_type"])
        status, answer, headers = self._rules(request.method, request.path, document)
        if status == 204:
            return web.Response(status=204)
        return web.json_response(answer, status=status, headers=headers)

    def _fault_at(self, what: str) -> dict[str, Any] | None:
        for fault in self._faults:
            if fnmatchcase(what, fault["match"]) and fault["times"] != 0:
                if fault["times"] is not None:
                    fault["times"] -= 1
                return fault
        return None

    def _rules(self, method: str, path: str, document: Any) -> tuple[int, Any, dict[str, str]]:
        self._collect_garbage()
        if path.rstrip("/") == "/x-nmos/registration" and method == "GET":
            return 200, [f"{version}/" for version in self._versions], {}
        if path == "/x-nmos/system/v1.0/global" and method == "GET" and self._system:
            return 200, self._system, {}
        match = _PATH.fullmatch(path)
        if match is None or match["version"] not in self._versions:
            return _error(404, "no such path")
        if match["what"] == "health" and method == "POST":
            return self._beat(match["version"], match["id"])
        if method == "DELETE" and match["id"]:
            return self._delete(match["version"], match["kind"].removesuffix("s"), match["id"])
        if method == "POST" and not match["id"]:
            return self._post(match["version"], document["type"], document["data"])
        return _error(405, "not for this path")

    def _post(self, version: str, kind: str, body: dict[str, Any]) -> tuple[int, Any, dict[str, str]]:
        node = body["id"] if kind == "node" else next(iter(self._held.get("node", {})), "")
        if conflict := self._conflict(version, node):
            return conflict
        parent = _PARENTS.get(kind)
        if parent and not any(body.get(parent) in bodies for bodies in self._held.values()):
            return _error(400, f"{parent} {body.get(parent)} is not registered")
        status = 200 if body["id"] in self._held.get(kind, {}) else 201
        self._held.setdefault(kind, {})[body["id"]] = body
        if kind == "node":
            self._version[node], self._beats[node] = version, time.monotonic()
        return status, body, {"Location": f"/x-nmos/registration/{version}/resource/{kind}s/{body['id']}"}

    def _delete(self, version: str, kind: str, id: str) -> tuple[int, Any, dict[str, str]]:
        if conflict := self._conflict(version, id if kind == "node" else next(iter(self._held.get("node", {})), "")):
            return conflict
        if id not in self._held.get(kind, {}):
            return _error(404, "not registered")
        self._remove(kind, id)
        return 204, None, {}

    def _beat(self, version: str, id: str) -> tuple[int, Any, dict[str, str]]:
        if conflict := self._conflict(version, id):
            return conflict
        if id not in self._held.get("node", {}):
            return _error(404, "not registered")
        self._beats[id] = time.monotonic()
        return 200, {"health": str(int(time.time()))}, {}

    def _conflict(self, version: str, node: str) -> tuple[int, Any, dict[str, str]] | None:
        if node not in self._held.get("node", {}) or self._version[node] == version:
            return None
        location = f"/x-nmos/registration/{self._version[node]}/resource/nodes/{node}"
        status, body, _ = _error(409, f"registered under {self._version[node]}")
        return status, body, {"Location": location}

    def _remove(self, kind: str, id: str) -> None:
        self._held[kind].pop(id, None)
        for child, parent in _PARENTS.items():
            for child_id in [other for other, body in self._held.get(child, {}).items() if body.get(parent) == id]:
                self._remove(child, child_id)

    def _collect_garbage(self) -> None:
        for id in [*self._held.get("node", {})]:
            if time.monotonic() - self._beats[id] > self._forget_s:
                self._remove("node", id)


def _error(status: int, text: str) -> tuple[int, Any, dict[str, str]]:
    return status, {"code": status, "error": text, "debug": None}, {}


async def main(addresses: list[str]) -> None:
    await obey(FakeRegistry(addresses))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
