"""What the configuration says of TLS."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TlsConfig:
    """[tls]: HTTPS and secure WebSockets in place of plain ones (BCP-003-01); see docs/security.md.

    ``certificates`` are PEM files, each with a certificate and the chain to its authority: best one for an RSA key and
    one for an ECDSA key. ``keys`` are those keys, in the same order; without them each key is in the file of its
    certificate. ``ca`` has the certificates of the authorities to trust; without it, those of the system. ``name`` is
    what others call the box, which the certificates must name; without it, the first name that they have.
    ``allow_plain``: what speaks plain HTTP only is asked, too. ``hsts_s`` is the max-age of Strict-Transport-Security
    (0: not sent). Certificates that expire within ``warn_days`` are warned of. ``dhe``: the DHE suites of TLS 1.2 are
    offered, too (with an RSA key), which BCP-003-01 recommends for hardware that can; docs/security.md has their cost.
    """

    certificates: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    ca: str | None = None
    name: str | None = None
    allow_plain: bool = False
    hsts_s: int = 31_536_000
    warn_days: int = 30
    dhe: bool = False
