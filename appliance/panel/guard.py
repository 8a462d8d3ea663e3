"""Who may ask anything below ``/panel/``: before any handler, and for its streams too.

1. The name that the box is called by must be its own. A page of somebody else's can have *its* name resolve to this box
   (DNS rebinding), and would be of the same origin then; what it cannot have is our name, or an address for a name.
2. Where the configuration has a password, others than this very host must have logged in. The session is a cookie that
   no script reads and no other site sends.
3. While the panel is locked nothing is done, whichever part has put it there.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, Collection
from http.cookies import CookieError, SimpleCookie
from typing import Protocol

from appliance.core.types import Clock
from appliance.errors import Forbidden, Locked, Unauthorized
from appliance.panel.attempts import Attempts
from appliance.panel.kept import IS_LOCKED
from appliance.panel.requests import string, trusted_object
from appliance.web.messages import Answer, Request
from appliance.web.site import Site

PREFIX = "/panel/"
LOGIN = "/panel/login"
COOKIE = "panel"
SESSION_S = 7 * 86_400
MAX_SESSIONS = 200
_READING = ("GET", "HEAD", "OPTIONS")
_ALSO_WHILE_LOCKED = ("/panel/lock", "/panel/unlock", LOGIN, "/panel/reload")


class Keys(Protocol):
    """What an edge knows to make and compare."""

    async def is_right(self, secret: str, hashed: str) -> bool: ...
    def token(self) -> str: ...


class Guard:
    """``names``: what the box is called, without port. ``password``: as the configuration has it, or ``None``."""

    def __init__(
        self,
        names: Callable[[], Collection[str]],
        is_locked: Callable[[], bool],
        password: str | None,
        keys: Keys,
        clock: Clock,
    ) -> None:
        self._names, self._is_locked, self._password = names, is_locked, password
        self._keys, self._clock = keys, clock
        self._attempts = Attempts()
        self._sessions: dict[str, float] = {}

    def declare(self, site: Site) -> None:
        if self._password is not None:
            site.route(LOGIN, post=self.login)

    def check(self, request: Request) -> None:
        """Forbidden, Unauthorized or Locked, where it may not be answered."""
        if not request.path.startswith(PREFIX):
            return
        self.check_name(request.headers.get("host", ""))
        if self._password is not None and request.path != LOGIN and not request.local and not self._is_known(request):
            raise Unauthorized("this panel wants a password")
        if request.method not in _READING and request.path not in _ALSO_WHILE_LOCKED and self._is_locked():
            raise Locked(IS_LOCKED)

    def login(self, request: Request) -> Awaitable[Answer]:
        """``{"password"}``: the answer has the cookie."""
        body = trusted_object(request, required=("password",))
        return self._logged_in(request.remote, string(body, "password"))

    async def _logged_in(self, remote: str, password: str) -> Answer:
        assert self._password is not None
        self._attempts.begin(remote, self._clock.monotonic())
        if not await self._keys.is_right(password[:1000], self._password):
            raise Forbidden("password: is wrong")
        self._attempts.succeeded(remote)
        now = self._clock.monotonic()
        self._sessions = {token: until for token, until in self._sessions.items() if until > now}
        if len(self._sessions) >= MAX_SESSIONS:
            del self._sessions[next(iter(self._sessions))]
        token = self._keys.token()
        self._sessions[token] = now + SESSION_S
        cookie = f"{COOKIE}={token}; Path={PREFIX}; Max-Age={SESSION_S}; HttpOnly; SameSite=Strict"
        return Answer({}, headers={"Set-Cookie": cookie, "Cache-Control": "no-store"})

    def _is_known(self, request: Request) -> bool:
        try:
            cookies = SimpleCookie(request.headers.get("cookie", ""))
        except CookieError:
            return False
        token = cookies[COOKIE].value if COOKIE in cookies else ""
        return self._sessions.get(token, 0.0) > self._clock.monotonic()

    def check_name(self, host: str) -> None:
        """Forbidden where a request calls the box by a name that is not its own."""
        name = host.rpartition(":")[0] if not host.endswith("]") and ":" in host else host
        name = name.lower().removesuffix(".")
        if name in ("", "localhost") or _is_address(name) or name in {known.lower() for known in self._names()}:
            return
        raise Forbidden("Host: this box is not called so; panel.names in its configuration may name it")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.removeprefix("[").removesuffix("]").partition("%")[0])
    except ValueError:
        return False
    return True
