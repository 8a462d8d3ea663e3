"""Who may ask anything below ``/x-nmos/``: whoever has a token for it (IS-10 Resource Servers).

A token is verified once and remembered by its hash for a minute, or until it expires, or until the keys change. Time
and path are looked at for each request. ``/panel/`` is not an NMOS API and has a guard of its own: a token means
nothing there, and a password of the panel nothing here.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Callable, Collection, Sequence
from typing import Protocol

from appliance.nmos.is05.events import EVENTS_PATH
from appliance.nmos.is07.rates import Bucket
from appliance.nmos.is10.access import allows, check_audience, check_path, check_time, is_guarded, may_use
from appliance.nmos.is10.errors import (
    REASONS,
    InsufficientScope,
    InvalidRequest,
    KeysUnknown,
    NoToken,
    NotSigned,
    Refusal,
)
from appliance.nmos.is10.keyring import Key
from appliance.nmos.is10.tokens import MAX_TOKEN, Permissions, Token, read_token
from appliance.web.messages import Request

MAX_KNOWN = 512
KNOWN_S = 60.0
REFUSALS_PER_S, REFUSALS_AT_ONCE = 1.0, 20
"""Written to the log; of a flood of them it has the number."""
_B64TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
_SOCKETS = f"{EVENTS_PATH}/devices/"
"""Only below it the header that asks for a WebSocket gets one: elsewhere it changes nothing of what is answered."""

log = logging.getLogger(__name__)


class Keys(Protocol):
    """Whose signatures are believed."""

    def keys(self, issuer: str, key_id: str | None) -> Sequence[Key]: ...

    def missing(self, issuer: str) -> bool:
        """No key fits a token of this issuer: whether the client should come again soon."""
        ...


class TokenGuard:
    """``is_signed`` does the cryptography, ``names`` are this box's; ``utc`` and ``monotonic`` are clocks (seconds).
    ``log_all``: each request is in the log (IS-10 Resource Servers, "Audit Requirements")."""

    def __init__(
        self,
        keys: Keys,
        is_signed: Callable[[str, Key], bool],
        names: Callable[[], Collection[str]],
        utc: Callable[[], float],
        monotonic: Callable[[], float],
        *,
        log_all: bool = False,
    ) -> None:
        self._keys, self._is_signed, self._names = keys, is_signed, names
        self._utc, self._monotonic = utc, monotonic
        self._known: dict[bytes, tuple[Token, float]] = {}
        self._log_all = log_all
        self._bucket = Bucket(REFUSALS_PER_S, REFUSALS_AT_ONCE, monotonic())
        self._unsaid = 0
        self.allowed = 0
        self.refused = dict.fromkeys(REASONS, 0)
        """Requests, for /metrics."""

    def forget(self) -> None:
        """The keys are others now."""
        self._known.clear()

    def check(self, request: Request) -> None:
        """Raise what IS-10 and RFC 6750 have the client told, where it may not be answered."""
        if request.method == "OPTIONS" or not is_guarded(request.path):
            return
        token = None
        try:
            text = _presented(request)
            token = self._verified(text)
            check_time(token, self._utc())
            if _is_upgrade(request) and request.path.startswith(_SOCKETS):
                # Which sources may be heard is asked of each subscription (BCP-003-02, WebSocket Authorization).
                check_socket(token)
            else:
                check_path(token, request.method, request.path)
        except Refusal as error:
            self._refuse(error, _said(request, token))
            raise
        self.allowed += 1
        if self._log_all or request.method not in ("GET", "HEAD") or _is_upgrade(request):
            log.info("%s", _said(request, token))

    def passes(self, method: str, path: str, authorization: str | None) -> bool:
        """Whether a GET or HEAD may be answered at once, by a token that is known already; if not, ``check`` says."""
        if not is_guarded(path):
            return True
        if authorization is None or authorization[:7].lower() != "bearer " or self._log_all:
            return False
        known = self._known.get(_digest(authorization[7:].strip()))
        if known is None or known[1] < self._monotonic():
            return False
        try:
            check_time(known[0], self._utc())
            check_path(known[0], method, path)
        except Refusal:
            return False
        self.allowed += 1
        return True

    def may_hear(self, request: Request) -> Callable[[str], bool]:
        """Which sources of events the client of a WebSocket may hear, by the token with which it was opened."""
        specifiers = self._verified(_presented(request)).permissions.get("events", Permissions()).read
        return lambda source_id: allows(specifiers, f"sources/{source_id}")

    def lasting(self, request: Request) -> Callable[[], float] | None:
        """How many seconds the token of a WebSocket is still good, whenever that is asked: clocks are put right.
        ``None`` where it needs none. It was checked before."""
        if not is_guarded(request.path):
            return None
        expires = self._verified(_presented(request)).expires
        return lambda: expires - self._utc()

    def _refuse(self, error: Refusal, what: str) -> None:
        self.refused[error.reason] += 1
        if not (self._log_all or self._bucket.take(self._monotonic())):
            self._unsaid += 1
            return
        more = f" ({self._unsaid} more were refused before)" if self._unsaid else ""
        self._unsaid = 0
        log.warning("%s: refused: %s%s", what, error.message, more)

    def _verified(self, text: str) -> Token:
        digest, now = _digest(text), self._monotonic()
        known = self._known.pop(digest, None)
        if known is None or known[1] < now:
            known = self._signed(text), now + KNOWN_S
            if len(self._known) >= MAX_KNOWN:
                del self._known[next(iter(self._known))]
        self._known[digest] = known  # the last that was used is the last to be forgotten
        return known[0]

    def _signed(self, text: str) -> Token:
        token = read_token(text)
        keys = self._keys.keys(token.issuer, token.key_id)
        if not any(self._is_signed(text, key) for key in keys):
            check_time(token, self._utc())  # nobody is asked for the key of what is over anyway
            if self._keys.missing(token.issuer):
                raise KeysUnknown("the keys of the authorization server are being fetched: try again soon")
            raise NotSigned("no key of a known authorization server has signed the token")
        check_time(token, self._utc())
        check_audience(token, self._names())
        return token


def check_socket(token: Token) -> None:
    """Whether a WebSocket for events may be opened at all."""
    if not may_use(token, "events"):
        raise InsufficientScope("the token is not for the scope events")


def _presented(request: Request) -> str:
    """The token of a request: in its header, or for a WebSocket in the query (RFC 6750 sections 2.1 and 2.3)."""
    header = request.headers.get("authorization")
    in_query = request.query.get("access_token") if _is_upgrade(request) else None
    scheme, _, text = (header or "").strip().partition(" ")
    if scheme.lower() != "bearer":
        if in_query is None:
            raise NoToken("this API wants an access token")
        text = in_query
    elif in_query is not None:
        raise InvalidRequest("access_token: the token is in the header already")
    text = text.strip()
    if len(text) > MAX_TOKEN or not _B64TOKEN.fullmatch(text):
        raise InvalidRequest("what follows Bearer is no token")
    return text


def _is_upgrade(request: Request) -> bool:
    return request.headers.get("upgrade", "").lower() == "websocket" and request.method == "GET"


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=16).digest()


def _said(request: Request, token: Token | None) -> str:
    """For the log that IS-10 wants ("Audit Requirements"): no part of the token itself."""
    who = f" by {token.client[:80]!r} for {token.subject[:80]!r}, {token.issuer[:100]!r}" if token else ""
    return f"{request.method} {request.path[:200]!r} from {request.remote}{who}"
