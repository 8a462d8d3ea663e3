"""The process of a fake network Query API (see `query`): commands come as JSON lines on stdin, replies go to stdout.

It keeps to the Query API as far as its clients here need it: lists with basic queries, single resources, subscriptions
and their WebSockets. Everything is held and shown in one version's form.
"""

import asyncio
import json
import socket
import sys
import time
import uuid
from typing import Any

from aiohttp import WSCloseCode, web

from tests.lan.peer_process import Announcer
from tests.lan.puppet_process import obey

_TXT = {"api_ver": "", "api_proto": "http", "api_auth": "false", "pri": "0"}


class FakeQueryApi:
    """What it holds, who follows it, and what it was asked. The public coroutines are the commands."""

    def __init__(self, addresses: list[str]) -> None:
        self._addresses = addresses
        self._announcer = Announcer(addresses)
        self._runner: web.AppRunner | None = None
        self._held: dict[str, dict[str, Any]] = {}
        self._subscriptions: dict[str, dict[str, Any]] = {}
        self._sockets: list[tuple[web.WebSocketResponse, str]] = []
        self._received: list[dict[str, Any]] = []
        self._versions: list[str] = []
        self._port = 0
        self._fault: dict[str, Any] | None = None

    async def listen(self, port: int, versions: list[str]) -> None:
        self._port, self._versions = port, versions
        application = web.Application()
        application.router.add_get("/ws/{id}", self._follow)
        application.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(application, access_log=None)
        await self._runner.setup()
        sock = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=128)
        await web.SockSite(self._runner, sock, shutdown_timeout=0.1).start()

    async def announce(self, instance: str, txt: dict[str, str]) -> float:
        records: dict[str, str | None] = {**_TXT, "api_ver": ",".join(self._versions), **txt}
        return await self._announcer.announce(
            instance, "_nmos-query._tcp.local.", self._port, self._addresses, records, probe=False
        )

    async def withdraw(self) -> float:
        return await self._announcer.withdraw()

    async def hold(self, resources: dict[str, list[dict[str, Any]]]) -> None:
        """Have these now, by plural, and tell those who follow."""
        for plural, bodies in resources.items():
            before, after = self._held.get(plural, {}), {body["id"]: body for body in bodies}
            self._held[plural] = after
            events = []
            for id in {**before, **after}:
                if before.get(id) != after.get(id):
                    pre, post = before.get(id), after.get(id)
                    events.append({"path": id} | ({"pre": pre} if pre else {}) | ({"post": post} if post else {}))
            for follower, subscription in tuple(self._sockets):
                if events and self._subscriptions[subscription]["resource_path"] == f"/{plural}":
                    await follower.send_str(self._grain(subscription, events))

    async def hang_up(self) -> None:
        """Close every WebSocket."""
        for follower, _ in tuple(self._sockets):
            await follower.close(code=WSCloseCode.SERVICE_RESTART)

    async def say(self, text: str) -> None:
        """Any message to everybody who follows."""
        for follower, _ in tuple(self._sockets):
            await follower.send_str(text)

    async def fault(self, status: int | None) -> None:
        """Answer every request so; None: answer rightly again."""
        self._fault = None if status is None else {"code": status, "error": "told to", "debug": None}

    async def requests(self, forget: bool) -> list[dict[str, Any]]:
        received = self._received
        if forget:
            self._received = []
        return received

    async def followers(self) -> int:
        return len(self._sockets)

    # What it answers

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        note = {"method": request.method, "path": request.path_qs, "at": time.monotonic()}
        self._received.append({**note, "body": json.loads(body) if body else None})
        if self._fault is not None:
            return web.json_response(self._fault, status=self._fault["code"])
        parts = request.path.strip("/").split("/")[2:]
        if not parts:
            return web.json_response([f"{version}/" for version in self._versions])
        if parts[0] not in self._versions:
            return _error(404, "no such version")
        if parts[1:2] == ["subscriptions"]:
            return self._of_subscriptions(request.method, parts, body)
        match request.method, parts[1:]:
            case "GET", [plural]:
                return self._list(request, plural)
            case "GET", [plural, id] if id in self._held.get(plural, {}):
                return web.json_response(self._held[plural][id])
        return _error(404, "not here")

    def _of_subscriptions(self, method: str, parts: list[str], body: bytes) -> web.StreamResponse:
        match method, parts[2:]:
            case "GET", []:
                return web.json_response(list(self._subscriptions.values()))
            case "POST", []:
                return self._subscribe(parts[0], json.loads(body))
            case "GET", [id] if id in self._subscriptions:
                return web.json_response(self._subscriptions[id])
            case "DELETE", [id] if id in self._subscriptions:
                del self._subscriptions[id]
                return web.Response(status=204)
        return _error(404, "not here")

    def _list(self, request: web.Request, plural: str) -> web.StreamResponse:
        wanted = {key: value for key, value in request.query.items() if not key.startswith(("query.", "paging."))}
        bodies = [
            body
            for body in self._held.get(plural, {}).values()
            if all(str(body.get(key)) == value for key, value in wanted.items())
        ]
        base = f"http://registry.example.org:{self._port}{request.path}"
        headers = {
            "Link": f'<{base}?paging.until=0:0>; rel="prev", <{base}?paging.since=9:0>; rel="next"',
            "X-Paging-Limit": "10",
            "X-Paging-Since": "0:0",
            "X-Paging-Until": "9:0",
        }
        return web.json_response(bodies, headers=headers)

    def _subscribe(self, version: str, wanted: dict[str, Any]) -> web.StreamResponse:
        id = str(uuid.uuid4())
        href = f"ws://{self._addresses[0]}:{self._port}/ws/{id}"
        self._subscriptions[id] = subscription = {**wanted, "id": id, "secure": False, "ws_href": href}
        location = f"/x-nmos/query/{version}/subscriptions/{id}"
        return web.json_response(subscription, status=201, headers={"Location": location})

    async def _follow(self, request: web.Request) -> web.StreamResponse:
        id = request.match_info["id"]
        if id not in self._subscriptions:
            return _error(404, "no such subscription")
        follower = web.WebSocketResponse()
        await follower.prepare(request)
        plural = self._subscriptions[id]["resource_path"].strip("/")
        events = [{"path": key, "pre": body, "post": body} for key, body in self._held.get(plural, {}).items()]
        if events:
            await follower.send_str(self._grain(id, events))
        entry = (follower, id)
        self._sockets.append(entry)
        try:
            async for _ in follower:
                pass
        finally:
            self._sockets.remove(entry)
        return follower

    def _grain(self, subscription: str, events: list[dict[str, Any]]) -> str:
        topic = f"{self._subscriptions[subscription]['resource_path']}/"
        times = dict.fromkeys(("origin_timestamp", "sync_timestamp", "creation_timestamp"), "1:0")
        rates = {key: {"numerator": 0, "denominator": 1} for key in ("rate", "duration")}
        grain = {"type": "urn:x-nmos:format:data.event", "topic": topic, "data": events}
        source = str(uuid.uuid5(uuid.NAMESPACE_URL, "registry"))
        ids = {"grain_type": "event", "source_id": source, "flow_id": subscription}
        return json.dumps({**ids, **times, **rates, "grain": grain})


def _error(status: int, text: str) -> web.Response:
    return web.json_response({"code": status, "error": text, "debug": None}, status=status)


async def main(addresses: list[str]) -> None:
    await obey(FakeQueryApi(addresses))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
