"""What a token allows: its time, whom it is for, and the paths (IS-10 Resource Servers, "Validation of Access Token").

Paths are compared without their last slash and with it, for to this box they are the same: "single/*" is also for
"single".
"""

from __future__ import annotations

import functools
import re
from collections.abc import Collection
from urllib.parse import urlsplit

from appliance.nmos.is10.errors import Expired, InsufficientScope, NotYetGood, WrongAudience
from appliance.nmos.is10.tokens import Permissions, Token

BASE = "/x-nmos/"
_READING = ("GET", "HEAD", "OPTIONS")
_API = re.compile(r"/x-nmos/([^/]+)(?:/(?:[^/]+(?:/(.*))?)?)?", re.DOTALL)
_NOTHING = Permissions()


def is_guarded(path: str) -> bool:
    """Whether a token is needed there at all: "/", "/x-nmos" and what is no NMOS API are without."""
    return path.startswith(BASE) and path.rstrip("/") != BASE.rstrip("/")


def check_time(token: Token, now: float) -> None:
    """``now`` in seconds since 1970, UTC; :class:`Expired` or :class:`NotYetGood`."""
    if token.expires <= now:
        raise Expired("the token has expired")
    for name, begins in (("iat", token.issued), ("nbf", token.not_before)):
        if begins is not None and begins > now:
            raise NotYetGood(f"{name}: is in the future by this box's clock")


def check_audience(token: Token, names: Collection[str]) -> None:
    """``names``: what this box is called, without ports, in lower case."""
    if not any(_names_us(entry, name) for entry in token.audience for name in names):
        raise WrongAudience("aud: the token is not for this box")


def check_path(token: Token, method: str, path: str) -> None:
    """:class:`InsufficientScope` where the token does not allow it. ``path`` is decoded, without the query."""
    match = _API.fullmatch(normalised(path))
    assert match is not None, "only guarded paths are asked for"
    api, rest = match[1], (match[2] or "").rstrip("/")
    reading = method in _READING
    permissions = token.permissions.get(api, _NOTHING)
    if reading and not rest and may_use(token, api):
        return
    if not allows(permissions.read if reading else permissions.write, rest):
        raise InsufficientScope(f"the token does not allow to {'read' if reading else 'write'} this of {api[:40]}")


def may_use(token: Token, api: str) -> bool:
    """Whether it is for this API at all: by scope or by claim."""
    return api in token.scopes or api in token.permissions


def allows(specifiers: tuple[str, ...], path: str) -> bool:
    """Whether one of the path specifiers is for ``path``, which begins after the API's version."""
    return any(_glob(specifier).fullmatch(form) for specifier in specifiers for form in (path, f"{path}/"))


def normalised(path: str) -> str:
    """Without "." and ".." segments (RFC 3986 section 6.2.2.3) nor empty ones, so that none leads out of a claim."""
    segments: list[str] = []
    for segment in path.split("/"):
        if segment == ".." and segments:
            segments.pop()
        elif segment not in ("", ".", ".."):
            segments.append(segment)
    return "/" + "/".join(segments)


@functools.lru_cache(maxsize=1024)
def _glob(specifier: str) -> re.Pattern[str]:
    """``*`` stands for any characters, slashes too. Runs of it are one, and none costs more than its length allows."""
    parts = [re.escape(part) for part in re.split(r"\*+", specifier)]
    # Each part is looked for once, as early as it can be (atomic): so nothing is tried again and again.
    if len(parts) == 1:
        return re.compile(parts[0], re.DOTALL)
    middle = "".join(f"(?>.*?{part})" for part in parts[1:-1])
    return re.compile(f"{parts[0]}{middle}.*{parts[-1]}", re.DOTALL)


def _names_us(entry: str, name: str) -> bool:
    """Whether an entry of ``aud`` is ``name``: a domain name, perhaps with a wildcard, perhaps after a scheme. One with
    a port, a path or a query is none (IS-10 Access Tokens, "aud")."""
    host = entry
    if "://" in entry:
        try:
            parts = urlsplit(entry)
        except ValueError:
            return False
        if parts.path.strip("/") or parts.query or parts.fragment or parts.netloc.endswith(":"):
            return False
        host = parts.netloc
    return _is_domain(host.lower().removesuffix(".").removeprefix("[").removesuffix("]"), name)


def _is_domain(pattern: str, name: str) -> bool:
    """A label of ``*`` in front is for any number of labels (RFC 4592), within a label it is for any part."""
    wanted, labels = pattern.split("."), name.split(".")
    if wanted[0] == "*" and len(labels) >= len(wanted):
        wanted, labels = wanted[1:], labels[len(labels) - len(wanted) + 1 :]
    return len(wanted) == len(labels) and all(map(_is_label, wanted, labels))


def _is_label(pattern: str, label: str) -> bool:
    return bool(pattern) and _glob(pattern).fullmatch(label) is not None
