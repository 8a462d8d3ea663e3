"""The process behind `tests.lan.plant.Plant`: a registry that wants tokens, and who gives them."""

import asyncio
import socket
import ssl
import sys
from typing import Any

from aiohttp import web

from tests.lan.puppet_process import obey
from tests.lan.registry_process import FakeRegistry
from tests.support.authorization_server import AuthorizationServer, new_key, said_by

VERSIONS = ["v1.3"]


class FakePlant(FakeRegistry):
    """The public coroutines are the commands."""

    async def listen_securely(self, port: int, certificate: str, key: str, issuer: str) -> None:
        self._versions, self._forget_s, self._system = VERSIONS, 12.0, None
        self._clients: list[tuple[str, str | None]] = []
        self._server = AuthorizationServer(issuer)
        application = self._server.app()
        application.router.add_route("*", "/x-nmos/{path:.*}", self._if_authorized)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate, key)
        sock = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=128)
        await web.SockSite(runner, sock, shutdown_timeout=0.1, ssl_context=context).start()

    async def token(self, scope: str, claims: dict[str, Any]) -> str:
        return self._server.token(scope, **claims)

    async def new_key(self) -> None:
        self._server.key = new_key()

    async def asked(self) -> list[str]:
        return self._server.asked

    async def clients(self) -> list[tuple[str, str | None]]:
        return self._clients

    async def _if_authorized(self, request: web.Request) -> web.StreamResponse:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        self._clients.append((request.method, said_by(token)["client_id"] if token else None))
        if not token or "x-nmos-registration" not in said_by(token):
            return web.json_response({"code": 401, "error": "no token", "debug": None}, status=401)
        return await self._answer(request)


async def main(addresses: list[str]) -> None:
    await obey(FakePlant(addresses))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
