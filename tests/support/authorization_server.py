"""A small authorization server (IS-10) for tests: metadata, keys, registration, tokens; and tokens made by hand.

It is no model of security: whoever registers is granted what he asks for.
"""

import base64
import json
import time
import warnings
from typing import Any
from urllib.parse import parse_qs, unquote_plus

from aiohttp import web

from tests.support.tokens import signed


def new_key() -> Any:
    with warnings.catch_warnings(record=True):
        from authlib.jose import JsonWebKey

    return JsonWebKey.generate_key("RSA", 2048, is_private=True)


class AuthorizationServer:
    """``issuer`` is where it is reached. ``asked`` are the requests for tokens and registrations, as they came."""

    def __init__(self, issuer: str, life_s: float = 3600) -> None:
        self.issuer = issuer
        self.life_s = life_s
        self.key = new_key()
        self.clients: dict[str, str] = {}
        self.asked: list[str] = []
        self.refuse = False

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/.well-known/oauth-authorization-server", self._metadata)
        app.router.add_get("/keys", self._keys)
        app.router.add_post("/register", self._register)
        app.router.add_post("/token", self._token)
        return app

    def token(self, scope: str, *, audience: str = "*", life_s: float | None = None, **more: Any) -> str:
        """For all of these APIs, to read and to write, unless ``more`` says otherwise."""
        now = int(time.time())
        said = {
            "iss": self.issuer,
            "sub": "test",
            "aud": [audience],
            "iat": now,
            "exp": now + (self.life_s if life_s is None else life_s),
            "client_id": "test",
            "scope": scope,
            **{f"x-nmos-{api}": {"read": ["*"], "write": ["*"]} for api in scope.split()},
            **more,
        }
        return signed(said, self.key)

    async def _metadata(self, _request: web.Request) -> web.Response:
        names = {"token_endpoint": "token", "jwks_uri": "keys", "registration_endpoint": "register"}
        urls = {name: f"{self.issuer}/{path}" for name, path in names.items()}
        return web.json_response({"issuer": self.issuer, "authorization_endpoint": f"{self.issuer}/no", **urls})

    async def _keys(self, _request: web.Request) -> web.Response:
        return web.json_response({"keys": [{"kty": "RSA", **self.key.as_dict(is_private=False)}]})

    async def _register(self, request: web.Request) -> web.Response:
        said = await request.json()
        self.asked.append(f"register {said['scope']}")
        if self.refuse:
            return web.json_response({"error": "invalid_client_metadata"}, status=400)
        client_id = f"client-{len(self.clients)}"
        self.clients[client_id] = f"secret of {client_id}"
        answer = {"client_id": client_id, "client_secret": self.clients[client_id], "client_secret_expires_at": 0}
        return web.json_response({**said, **answer}, status=201)

    async def _token(self, request: web.Request) -> web.Response:
        form = parse_qs((await request.read()).decode())
        pair = base64.b64decode(request.headers["Authorization"].removeprefix("Basic ")).decode().split(":")
        client_id, secret = map(unquote_plus, pair)
        self.asked.append(f"token {form['scope'][0]} for {client_id}")
        if self.clients.get(client_id) != secret:
            return web.json_response({"error": "invalid_client"}, status=401)
        token = self.token(form["scope"][0], client_id=client_id)
        return web.json_response({"access_token": token, "token_type": "Bearer", "expires_in": self.life_s})


def said_by(token: str) -> Any:
    """The claims of a token, unverified."""
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
