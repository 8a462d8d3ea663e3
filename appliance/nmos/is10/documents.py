"""What an authorization server says: its metadata (RFC 8414), a registration (RFC 7591), a token (RFC 6749)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from appliance.core.types import JSON
from appliance.errors import BadRequest
from appliance.nmos.is10.tokens import MAX_TOKEN
from appliance.web.messages import Request

WELL_KNOWN = "/.well-known/oauth-authorization-server"
BASIC, POST = "client_secret_basic", "client_secret_post"
METHODS = (BASIC, POST)
"""How this box can say who it is at the token endpoint."""
SHORTEST_S, USUAL_S, LONGEST_S = 10.0, 60.0, 86_400.0
"""Lives of tokens: what is said is kept within; where nothing is said it is taken to be short."""
_MAX_TEXT = 4000
_MAX_NUMBER = 1e12
_B64TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
"""RFC 6750 section 2.1."""
_VISIBLE = re.compile(r"[\x20-\x7e]+")
"""RFC 6749 appendix A: what ids and secrets of clients are made of."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """``methods``: those of :data:`METHODS` that may be used at the token endpoint, the preferred first."""

    issuer: str
    jwks_uri: str
    token_endpoint: str
    registration_endpoint: str
    methods: tuple[str, ...] = (BASIC,)


@dataclass(frozen=True, slots=True)
class Registration:
    """This box as a client of one server. ``expires`` of its secret, in UTC seconds; 0: never."""

    issuer: str
    client_id: str
    client_secret: str
    scope: str
    method: str = BASIC
    expires: float = 0

    def __repr__(self) -> str:
        return f"Registration({self.issuer!r}, {self.client_id!r})"  # it may get into a log; its secret must not


@dataclass(frozen=True, slots=True)
class Granted:
    """An access token for ``life_s``. ``scopes``: ``None`` where all that was asked for was granted."""

    token: str
    life_s: float
    scopes: frozenset[str] | None = None

    def __repr__(self) -> str:
        return f"Granted(for {self.life_s:g} s)"


def https_url(text: str) -> SplitResult | None:
    """The parts of an https URL without credentials or fragment; ``None`` for anything else."""
    if len(text) > _MAX_TEXT or not text.isascii() or not text.isprintable() or " " in text:
        return None
    try:
        parts = urlsplit(text)
        good = parts.scheme == "https" and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return None
    return parts if good and "@" not in parts.netloc and "#" not in text else None


def well_known(issuer: str) -> str | None:
    """Where the metadata of an issuer is (RFC 8414 section 3.1); ``None`` where it is no issuer identifier."""
    parts = https_url(issuer)
    if parts is None or "?" in issuer:
        return None
    return f"https://{parts.netloc}{WELL_KNOWN}{parts.path.rstrip('/')}"


def read_metadata(body: bytes, expected: str | None = None) -> Metadata:
    """:class:`BadRequest` naming what is wrong, for this and the other readers. ``expected`` is the issuer that was
    asked for, by whose name it must go, to the letter (RFC 8414 section 3.3)."""
    said = _object(body)
    if well_known(issuer := _text(said, "issuer")) is None:
        raise BadRequest("issuer: must be an https URL")
    if expected is not None and issuer != expected:
        raise BadRequest(f"issuer: is {issuer[:200]}, and authorization.server is {expected}")
    endpoints = [_endpoint(said, name) for name in ("jwks_uri", "token_endpoint", "registration_endpoint")]
    offered = said.get("token_endpoint_auth_methods_supported", [BASIC])  # RFC 8414 section 2: the default
    if not isinstance(offered, list):
        raise BadRequest("token_endpoint_auth_methods_supported: must be an array")
    jwks_uri, token_endpoint, registration_endpoint = endpoints
    methods = tuple(method for method in METHODS if method in offered)
    return Metadata(issuer, jwks_uri, token_endpoint, registration_endpoint, methods)


def read_registration(body: bytes, issuer: str, scope: str, asked: str) -> Registration:
    """The answer to a registration in which the method ``asked`` was asked for."""
    said = _object(body)
    expires = _number(said, "client_secret_expires_at", 0)
    if (method := said.get("token_endpoint_auth_method", asked)) not in METHODS:
        raise BadRequest(f"token_endpoint_auth_method: this box can do {' and '.join(METHODS)}")
    return Registration(issuer, _visible(said, "client_id"), _visible(said, "client_secret"), scope, method, expires)


def read_granted(body: bytes) -> Granted:
    said = _object(body)
    token = _text(said, "access_token")
    if len(token) > MAX_TOKEN or not _B64TOKEN.fullmatch(token):
        raise BadRequest("access_token: is none that could be sent")
    if _text(said, "token_type").lower() != "bearer":
        raise BadRequest("token_type: must be Bearer")
    life = _number(said, "expires_in", USUAL_S)
    scopes = frozenset(_text(said, "scope").split()) if said.get("scope") else None
    return Granted(token, min(max(life, SHORTEST_S), LONGEST_S), scopes)


def read_error(body: bytes) -> str:
    """The code of RFC 6749 section 5.2; "" where there is none."""
    try:
        code = _object(body).get("error")
    except BadRequest:
        return ""
    return code[:60] if isinstance(code, str) and _VISIBLE.fullmatch(code) else ""


def registration_as_json(registration: Registration) -> JSON:
    """As it is kept."""
    return {name: getattr(registration, name) for name in Registration.__slots__}


def registration_from_json(kept: Mapping[str, object]) -> Registration:
    """:class:`BadRequest` where it was not kept by us."""
    texts = [kept.get(name) for name in ("issuer", "client_id", "client_secret", "scope", "method")]
    if not all(isinstance(text, str) for text in texts):
        raise BadRequest("a registration that was kept is none")
    issuer, client_id, client_secret, scope, method = map(str, texts)
    return Registration(issuer, client_id, client_secret, scope, method, _number(kept, "expires", 0))


def _object(body: bytes) -> JSON:
    return Request("", "", body=body).json_object()


def _text(said: JSON, name: str) -> str:
    value = said.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= max(_MAX_TEXT, MAX_TOKEN):
        raise BadRequest(f"{name}: must be a string that is not empty")
    return value


def _number(said: Mapping[str, object], name: str, usual: float) -> float:
    """Within bounds, for JSON has integers that no float can hold."""
    value = said.get(name, usual)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadRequest(f"{name}: must be a number")
    return float(min(max(value, -_MAX_NUMBER), _MAX_NUMBER))


def _endpoint(said: JSON, name: str) -> str:
    url = _text(said, name)
    if https_url(url) is None:
        raise BadRequest(f"{name}: must be an https URL")
    return url


def _visible(said: JSON, name: str) -> str:
    value = _text(said, name)
    if len(value) > _MAX_TEXT or not _VISIBLE.fullmatch(value):
        raise BadRequest(f"{name}: must be visible characters")
    return value
