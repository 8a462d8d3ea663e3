"""What the configuration says of authorization."""

from __future__ import annotations

from dataclasses import dataclass, field

MISSING = "authorization.enabled wants authlib: install python3-authlib (Debian) or nmos-appliance[auth] (PyPI)"
"""Where the library is not there, said by ``check`` and at the start."""


@dataclass(frozen=True, slots=True)
class AuthorizationConfig:
    """[authorization]: access tokens (IS-10, BCP-003-02), for which [tls] must be there; see docs/security.md.

    ``enabled``: whoever asks anything of the NMOS APIs needs a token, and the box gets one for itself. ``server`` is
    the https URL of the authorization server (its issuer); without it one is looked for. ``scopes`` are the APIs of
    others that the box asks a token for: BCP-003-02 lets a node have registration and events, more is to be agreed with
    those who run the server. ``client_id`` and ``client_secret`` are for a box that was registered by hand,
    ``initial_token`` is what the server may want of one that registers itself. ``audience`` are further names by which
    tokens may call the box. ``log_all``: each request to the NMOS APIs is in the log with whose token it had, as IS-10
    wants it; without it, those that change something, and of those that were refused a bounded number.
    """

    enabled: bool = False
    server: str | None = None
    scopes: tuple[str, ...] = ("registration", "events")
    client_id: str | None = None
    client_secret: str | None = field(default=None, repr=False)
    initial_token: str | None = field(default=None, repr=False)
    audience: tuple[str, ...] = ()
    log_all: bool = False
