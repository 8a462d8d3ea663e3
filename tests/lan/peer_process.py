"""The process behind `tests.lan.peer.Peer`: `python -m tests.lan.peer_process ADDRESS...`, told what to do on stdin.

A line of JSON comes in ({"command": ..., "arguments": {...}}), the command's method of `FakeNode` is called, and one
line goes out ({"result": ...} or {"error": ...}). The end of stdin ends the process, without a goodbye.
"""

import asyncio
import ipaddress
import json
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from fnmatch import fnmatchcase
from typing import Any

from aiohttp import web
from zeroconf import IPVersion, ServiceInfo
from zeroconf.asyncio import AsyncZeroconf

from tests.lan.puppet_process import obey

_CHUNK = b" " * 65536
_LISTS = ("devices", "sources", "flows", "senders", "receivers")


class FakeNode:
    """What the peer serves and announces. The public coroutines are the commands."""

    def __init__(self, addresses: list[str]) -> None:
        self._announcer = Announcer(addresses)
        self._bodies: dict[str, tuple[str, bytes]] = {}
        self._faults: list[dict[str, Any]] = []
        self._received: list[dict[str, Any]] = []
        self._runner: web.AppRunner | None = None

    async def serve(self, node_api: dict[str, dict[str, Any]], files: dict[str, str]) -> None:
        self._bodies = _bodies(node_api) | {path: ("application/sdp", text.encode()) for path, text in files.items()}

    async def fault(self, fault: dict[str, Any], path: str, times: int | None) -> None:
        self._faults.insert(0, {**fault, "path": path, "times": times})

    async def heal(self) -> None:
        self._faults.clear()

    async def accept(self, port: int) -> None:
        if self._runner:
            return
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(application, access_log=None)
        await self._runner.setup()
        sock = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=128)
        await web.SockSite(self._runner, sock, shutdown_timeout=0.1).start()

    async def refuse(self) -> None:
        if self._runner:
            await self._runner.cleanup()
            self._runner = None

    async def requests(self, path: str, forget: bool) -> list[dict[str, Any]]:
        found = [request for request in self._received if fnmatchcase(request["path"], path)]
        if forget:
            self._received.clear()
        return found

    async def announce(self, **service: Any) -> float:
        return await self._announcer.announce(**service)

    async def set_txt(self, txt: dict[str, str | None]) -> float:
        return await self._announcer.set_txt(txt)

    async def reannounce(self) -> float:
        return await self._announcer.send(None)

    async def flicker(self) -> float:
        await self._announcer.send(0)
        return await self._announcer.send(None)

    async def withdraw(self) -> float:
        return await self._announcer.withdraw()

    async def vanish(self) -> float:
        return await self._announcer.vanish()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self._received.append({"method": request.method, "path": request.path, "at": time.monotonic()})
        content_type, body = self._bodies.get(request.path.rstrip("/"), ("", b""))
        if fault := self._fault_at(request.path):
            return await _FAULTS[fault["kind"]](request, fault, content_type or "application/json", body)
        if not content_type:
            return web.json_response({"code": 404, "error": "not here", "debug": None}, status=404)
        return web.Response(body=body, content_type=content_type)

    def _fault_at(self, path: str) -> dict[str, Any] | None:
        for fault in self._faults:
            if fnmatchcase(path, fault["path"]) and fault["times"] != 0:
                if fault["times"] is not None:
                    fault["times"] -= 1
                return fault
        return None


class Announcer:
    """One mDNS service, and all that can be done to it."""

    def __init__(self, addresses: list[str]) -> None:
        # An interface is named by any address on it; two IPv6 addresses of one would be two sockets on it.
        self._interfaces = [address for address in addresses if "." in address or address.startswith("fe80:")]
        self._zeroconf: AsyncZeroconf | None = None
        self._info: ServiceInfo | None = None
        self._sent = 0
        self._repeats: asyncio.Future[Any] | None = None

    async def announce(
        self,
        instance: str,
        type: str,
        port: int,
        addresses: list[str],
        txt: dict[str, str | None],
        probe: bool,
        server: str | None = None,
    ) -> float:
        if self._info:
            raise ValueError("announced already; withdraw or vanish first")
        info = ServiceInfo(
            type,
            f"{instance}.{type}",
            port=port,
            parsed_addresses=addresses,
            server=server or f"{instance}.local.",
            properties=_properties(txt),
        )
        at = time.monotonic()
        zeroconf = self._started()
        self._repeat(await zeroconf.async_register_service(info, cooperating_responders=not probe))
        self._info = info
        return at

    async def set_txt(self, txt: dict[str, str | None]) -> float:
        old = self._announced()
        self._info = ServiceInfo(
            old.type,
            old.name,
            port=old.port,
            addresses=old.addresses_by_version(IPVersion.All),
            server=old.server,
            properties=_properties(txt),
        )
        at = time.monotonic()
        self._repeat(await self._started().async_update_service(self._info))
        return at

    async def send(self, ttl: int | None) -> float:
        """One packet with all records: the announcement for None, the goodbye for 0.

        The records are in another order each time: python-zeroconf (0.150) takes no notice of a packet that it had,
        byte for byte, within the last second, whatever came between.
        """
        self._repeat(None)
        zeroconf = self._started().zeroconf
        at = time.monotonic()
        message = zeroconf.generate_service_broadcast(self._announced(), ttl)
        self._sent += 1
        turn = 1 + self._sent % (len(message.answers) - 1)  # never the order of zeroconf itself
        message.answers[:] = message.answers[turn:] + message.answers[:turn]
        zeroconf.async_send(message)
        return at

    async def withdraw(self) -> float:
        at = time.monotonic()
        self._repeat(await self._started().async_unregister_service(self._announced()))
        self._info = None
        return at

    async def vanish(self) -> float:
        self._repeat(None)
        self._info = None
        if self._zeroconf:
            registry = self._zeroconf.zeroconf.registry
            registry.async_remove(registry.async_get_service_infos())  # what is not registered gets no goodbye
            await self._zeroconf.async_close()
            self._zeroconf = None
        return time.monotonic()

    def _started(self) -> AsyncZeroconf:
        if not self._zeroconf:
            self._zeroconf = AsyncZeroconf(interfaces=self._interfaces, ip_version=ip_version(self._interfaces))
        return self._zeroconf

    def _announced(self) -> ServiceInfo:
        if not self._info:
            raise ValueError("not announced")
        return self._info

    def _repeat(self, repeats: Awaitable[Any] | None) -> None:
        """Let zeroconf repeat what it just sent, and no longer what it sent before: that would be the old TXT."""
        if self._repeats:
            self._repeats.cancel()
        self._repeats = asyncio.ensure_future(repeats) if repeats else None


def ip_version(interfaces: Sequence[str]) -> IPVersion:
    """The version or versions of these addresses."""
    versions = {ipaddress.ip_address(address).version for address in interfaces}
    if len(versions) > 1:
        return IPVersion.All
    return IPVersion.V6Only if 6 in versions else IPVersion.V4Only


async def _delay(request: web.Request, fault: dict[str, Any], content_type: str, body: bytes) -> web.StreamResponse:
    await asyncio.sleep(fault["seconds"])
    return web.Response(body=body, content_type=content_type)


async def _hang(request: web.Request, fault: dict[str, Any], content_type: str, body: bytes) -> web.StreamResponse:
    await asyncio.Event().wait()
    raise AssertionError("nobody sets that event")


async def _body(request: web.Request, fault: dict[str, Any], content_type: str, body: bytes) -> web.StreamResponse:
    return web.Response(status=fault["status"], body=fault["text"].encode(), content_type=fault["content_type"])


async def _truncated(request: web.Request, fault: dict[str, Any], content_type: str, body: bytes) -> web.StreamResponse:
    return web.Response(body=body[: len(body) // 2], content_type=content_type)


async def _typed(request: web.Request, fault: dict[str, Any], content_type: str, body: bytes) -> web.StreamResponse:
    return web.Response(body=body, content_type=fault["content_type"])


async def _redirect(request: web.Request, fault: dict[str, Any], content_type: str, body: bytes) -> web.StreamResponse:
    return web.Response(status=302, headers={"Location": fault["text"]})


async def _cut(request: web.Request, fault: dict[str, Any], content_type: str, body: bytes) -> web.StreamResponse:
    response = await _begun(request, content_type, len(body))
    await response.write(body[: len(body) // 2])
    if request.transport:
        request.transport.close()
    return response


async def _trickle(request: web.Request, fault: dict[str, Any], content_type: str, body: bytes) -> web.StreamResponse:
    response = await _begun(request, content_type, len(body))
    for byte in body:
        await response.write(bytes((byte,)))
        await asyncio.sleep(fault["seconds"])
    return response


async def _endless(request: web.Request, fault: dict[str, Any], content_type: str, body: bytes) -> web.StreamResponse:
    response = await _begun(request, content_type, None)
    await response.write(b"[")
    while True:
        await response.write(_CHUNK)
        await asyncio.sleep(0.001)  # endless, but not at the cost of everybody else


async def _begun(request: web.Request, content_type: str, length: int | None) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": content_type})
    response.content_length = length
    await response.prepare(request)
    return response


_FAULTS: dict[str, Callable[[web.Request, dict[str, Any], str, bytes], Awaitable[web.StreamResponse]]] = {
    "delay": _delay,
    "hang": _hang,
    "body": _body,
    "truncated": _truncated,
    "typed": _typed,
    "redirect": _redirect,
    "cut": _cut,
    "trickle": _trickle,
    "endless": _endless,
}


def _bodies(node_api: dict[str, dict[str, Any]]) -> dict[str, tuple[str, bytes]]:
    """Every path of the Node API, without its trailing slash, and the JSON there."""
    pages: dict[str, Any] = {"/x-nmos": ["node/"], "/x-nmos/node": [f"{version}/" for version in sorted(node_api)]}
    for version, resources in node_api.items():
        base = f"/x-nmos/node/{version}"
        pages[base] = ["self/", *(f"{kind}/" for kind in _LISTS)]
        pages[f"{base}/self"] = resources["self"]
        for kind in _LISTS:
            pages[f"{base}/{kind}"] = resources[kind]
            pages |= {f"{base}/{kind}/{resource['id']}": resource for resource in resources[kind]}
    return {path: ("application/json", json.dumps(page).encode()) for path, page in pages.items()}


def _properties(txt: dict[str, str | None]) -> dict[bytes, bytes | None]:
    return {
        key.encode("utf-8", "surrogateescape"): None if value is None else value.encode("utf-8", "surrogateescape")
        for key, value in txt.items()
    }


async def main(addresses: list[str]) -> None:
    await obey(FakeNode(addresses))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
