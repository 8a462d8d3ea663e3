"""Access tokens: JSON Web Signatures in compact form, taken apart and read strictly (IS-10 Behaviour - Access Tokens).

What is read here is not believed yet: ``read_token`` comes before the signature is looked at, because the issuer says
whose keys to try. Nothing in a token leads anywhere: ``jku``, ``x5u`` and keys in the header are not looked at (RFC
8725 section 3.10), and the one algorithm is RS512, whatever the header would like.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field
from typing import Any

from appliance.core.types import JSON
from appliance.errors import BadRequest
from appliance.nmos.is10.errors import InvalidToken
from appliance.web.messages import Request

ALGORITHM = "RS512"
MAX_TOKEN = 8192
"""Characters: what HTTP servers take in a header (IS-10 Access Tokens, "Size Considerations")."""
MAX_PATHS = 256
"""Path specifiers of one claim."""
MAX_CLAIMS = 64
_COMPACT = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")
_TYPES = ("jwt", "at+jwt", "application/at+jwt", "application/jwt")
"""What ``typ`` may be, where it is given: RFC 7519 section 5.1, RFC 9068 section 2.1."""
_PREFIX = "x-nmos-"


@dataclass(frozen=True, slots=True)
class Permissions:
    """One ``x-nmos-*`` claim: path specifiers, with ``*`` for anything, relative to the version of the API."""

    read: tuple[str, ...] = ()
    write: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Token:
    """What a token says. Times are seconds since 1970 in UTC; ``permissions`` by the name of the API ("connection")."""

    issuer: str
    subject: str
    audience: tuple[str, ...]
    expires: float
    not_before: float | None = None
    issued: float | None = None
    client: str = ""
    scopes: frozenset[str] = frozenset()
    permissions: dict[str, Permissions] = field(default_factory=dict)
    key_id: str | None = None


def read_token(text: str) -> Token:
    """What ``text`` says, signed or not; :class:`InvalidToken` names what is wrong with it."""
    if len(text) > MAX_TOKEN:
        raise InvalidToken(f"the token has over {MAX_TOKEN} characters")
    parts = _COMPACT.fullmatch(text)
    if parts is None:
        raise InvalidToken("the token is no JSON Web Signature in compact form")
    header, claims = _part("header", parts[1]), _part("claims", parts[2])
    if header.get("alg") != ALGORITHM:
        raise InvalidToken(f"alg: must be {ALGORITHM}")
    if "crit" in header:
        raise InvalidToken("crit: this box knows no extensions of the header")
    if str(header.get("typ", "JWT")).lower() not in _TYPES:
        raise InvalidToken("typ: must be JWT")
    if len(claims) > MAX_CLAIMS:
        raise InvalidToken(f"the token has over {MAX_CLAIMS} claims")
    return _token(claims, key_id=_optional_text(header, "kid"))


def _part(name: str, text: str) -> JSON:
    """A part as a JSON object: UTF-8, no key twice, not too deep, no NaN."""
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        raise InvalidToken(f"the {name} of the token is not base64url") from None
    try:
        return Request("", "", body=data).json_object()
    except BadRequest as error:
        raise InvalidToken(f"the {name} of the token cannot be read: {error.message[:200]}") from None


def _token(claims: JSON, key_id: str | None) -> Token:
    client = _optional_text(claims, "client_id") or _optional_text(claims, "azp")
    if not client:
        raise InvalidToken("client_id: is missing, and azp too")
    expires = _time(claims, "exp")
    if expires is None:
        raise InvalidToken("exp: is missing")
    return Token(
        issuer=_text(claims, "iss"),
        subject=_text(claims, "sub"),
        audience=_audience(claims),
        expires=expires,
        not_before=_time(claims, "nbf"),
        issued=_time(claims, "iat"),
        client=client,
        scopes=frozenset((_optional_text(claims, "scope") or "").split()),
        permissions={
            name.removeprefix(_PREFIX): _permissions(name, value)
            for name, value in claims.items()
            if name.startswith(_PREFIX)
        },
        key_id=key_id,
    )


def _text(claims: JSON, name: str) -> str:
    value = _optional_text(claims, name)
    if not value:
        raise InvalidToken(f"{name}: is missing")
    return value


def _optional_text(claims: JSON, name: str) -> str | None:
    value = claims.get(name)
    if value is not None and not isinstance(value, str):
        raise InvalidToken(f"{name}: must be a string")
    return value


def _time(claims: JSON, name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e12:
        raise InvalidToken(f"{name}: must be seconds since 1970")
    return float(value)


def _audience(claims: JSON) -> tuple[str, ...]:
    """An array, as IS-10 wants it; or one string (RFC 7519 section 4.1.3), which its schema takes too."""
    value = claims.get("aud")
    if value is None:
        raise InvalidToken("aud: is missing")
    return _texts("aud", [value] if isinstance(value, str) else value)


def _permissions(name: str, value: Any) -> Permissions:
    if not isinstance(value, dict):
        raise InvalidToken(f"{name[:60]}: must be an object")
    read, write = (_texts(f"{name[:60]}.{key}", value.get(key, [])) for key in ("read", "write"))
    return Permissions(read, write)


def _texts(name: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise InvalidToken(f"{name}: must be an array of strings")
    if len(value) > MAX_PATHS:
        raise InvalidToken(f"{name}: has over {MAX_PATHS} entries")
    return tuple(value)
