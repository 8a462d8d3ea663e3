"""TLS as the whole box uses it (AMWA BCP-003-01): what it shows of itself, and whom it trusts.

Everything is made when it is wanted first: a box without TLS pays nothing for it. What was made is replaced whole:
connections that are open keep what they began with, and a new certificate that is no good changes nothing.
"""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
import logging
import ssl
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from appliance.config.model import TlsConfig
from appliance.edge.certificates import (
    Certificate,
    Unfit,
    expiring,
    load_authorities,
    load_pair,
    out_of_date,
    pairs,
    read_all,
)
from appliance.errors import ConfigError

LOOK_S = 3600.0
"""Between two looks at the files and at the days that are left: an authority's own clients change them unasked."""
_SUITES = (
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-AES128-SHA256",
    "ECDHE-ECDSA-AES256-SHA384",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "DHE-RSA-AES128-GCM-SHA256",
    "DHE-RSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES128-SHA256",
    "ECDHE-RSA-AES256-SHA384",
    "DHE-RSA-AES128-SHA256",
    "DHE-RSA-AES256-SHA256",
)
"""Of TLS 1.2, in BCP-003-01's order. Those of TLS 1.3 are OpenSSL's own, which are the BCP's three."""
_FFDHE2048 = Path(__file__).with_name("ffdhe2048.pem")
"""The group of RFC 7919 appendix A.1, which OpenSSL knows and so takes short exponents for."""

log = logging.getLogger(__name__)


PART = "certificates"


class Faces(Protocol):
    """Who shows what is wrong with the box."""

    def set_problem(self, part: str, problem: str | None) -> None: ...
    def set_traps(self, id: str, traps: tuple[str, ...]) -> None: ...


class Tls:
    """``None`` as the configuration: plain HTTP is served, and HTTPS is spoken to whom the system trusts.

    The constructor reads the certificates; ConfigError says what is wrong with them.
    """

    def __init__(self, config: TlsConfig | None, clock: Callable[[], float] = time.time) -> None:
        self._config = config or TlsConfig()
        self._clock = clock
        self._trusting: ssl.SSLContext | None = None
        self.server: ssl.SSLContext | None = None
        """What the server shows; ``None`` where it is plain."""
        self.certificates: Sequence[Certificate] = ()
        self._read = b""
        self._faces: Faces | None = None
        self._on_renewed: Callable[[], None] = lambda: None
        self._timer: asyncio.TimerHandle | None = None
        if config is not None:
            self._load()

    # ---- who we are

    @property
    def scheme(self) -> str:
        """How the box is spoken to: ``http`` or ``https``."""
        return "http" if self.server is None else "https"

    @property
    def name(self) -> str | None:
        """What clients must call the box: a name that every certificate has. ``None``: any of its addresses."""
        if self._config.name is not None or not self.certificates:
            return self._config.name
        first, *others = self.certificates
        named = (name for name in first.names if "*" not in name and all(one.covers(name) for one in others))
        return next((name.lower() for name in named), None)

    def places(self, addresses: Sequence[str]) -> tuple[str, ...]:
        """The hosts that URLs of this box may have: what clients can verify, the name first; else all addresses."""
        if self.server is None:
            return tuple(addresses)
        covered = [ip for ip in addresses if all(one.covers(ip) for one in self.certificates)]
        return (*([self.name] if self.name else []), *covered) or tuple(addresses)

    @property
    def hsts(self) -> bytes:
        """The header that tells clients to stay with HTTPS (RFC 6797 section 6.1); empty for none."""
        if self.server is None or not self._config.hsts_s:
            return b""
        return b"Strict-Transport-Security: max-age=%d\r\n" % self._config.hsts_s

    def context(self) -> ssl.SSLContext:
        """For a connection that somebody opens to this box, where it is not plain."""
        assert self.server is not None
        return self.server

    # ---- whom we trust

    def trusting(self) -> ssl.SSLContext:
        """For a connection to somebody else, whose certificate and name are verified."""
        if self._trusting is None:
            self._trusting = _client_context(self._config.ca)
        return self._trusting

    @property
    def only(self) -> bool:
        """Whether nothing else than TLS is spoken to others (BCP-003-01 HTTP: Client)."""
        return self.server is not None and not self._config.allow_plain

    def refusal(self, url: str) -> str | None:
        """Why nobody is asked at this URL; ``None``: nothing is against it. What stays on this host may be plain."""
        parts = urlsplit(url)
        if not self.only or parts.scheme not in ("http", "ws") or _is_loopback(parts.hostname or ""):
            return None
        return "what it offers is not encrypted, and this box speaks TLS only (tls.allow_plain in its configuration)"

    # ---- what changes

    def start(self, faces: Faces, on_renewed: Callable[[], None] = lambda: None) -> None:
        """Look at the certificates from time to time; the faces hear what is wrong with them, or that nothing is.

        ``on_renewed``: there are others now, which may be for other names.
        """
        self._faces, self._on_renewed = faces, on_renewed
        if self.certificates:
            self._look()

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def renew(self) -> bool:
        """Read the files again; whether they differ. ConfigError where they are no good: all is as it was."""
        if not self._config.certificates and self._config.ca is None:
            return False
        if _digest(self._config) == self._read:
            return False
        self._load(refuse_old=True)
        log.info("certificates read again: %s", ", ".join(one.path for one in self.certificates) or self._config.ca)
        self._worry()
        self._on_renewed()
        return True

    def _load(self, *, refuse_old: bool = False) -> None:
        config = self._config
        read = _digest(config)
        certificates = read_all(config)
        if refuse_old and (problems := out_of_date(certificates, self._clock())):
            raise ConfigError(problems)
        try:
            server = _server_context(config) if certificates else None
        except Unfit as unfit:  # changed between two looks
            raise ConfigError([("tls", str(unfit))]) from None
        self.server, self.certificates, self._trusting, self._read = server, certificates, None, read

    def _look(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(LOOK_S, self._look)
        try:
            self.renew()
        except ConfigError as error:
            log.error("the new certificates are refused, the old ones go on: %s", error.message)
        self._worry()

    def _worry(self) -> None:
        now = self._clock()
        faults = [why for _, why in out_of_date(self.certificates, now)]
        soon = tuple(expiring(self.certificates, self._config.warn_days, now))
        for worry in (*faults, *soon):
            log.warning("certificate: %s", worry)
        if self._faces is not None:
            self._faces.set_problem(PART, "; ".join(faults) or None)
            self._faces.set_traps(PART, soon)


def verification(error: ssl.SSLError) -> str:
    """Why a connection to somebody else did not come about, in words."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate cannot be trusted: {error.verify_message or error}"
    return f"no TLS with it: {(error.reason or str(error)).lower().replace('_', ' ')}"


def _server_context(config: TlsConfig) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _restrict(context, dhe=config.dhe)
    if config.dhe:
        context.load_dh_params(str(_FFDHE2048))
    context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE | ssl.OP_NO_RENEGOTIATION
    for certificate, key, _ in pairs(config):
        load_pair(context, certificate, key)
    return context


def _client_context(ca: str | None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # which verifies certificates and names
    _restrict(context)
    if ca is None:
        context.load_default_certs()
    else:
        load_authorities(context, ca)
    return context


def _restrict(context: ssl.SSLContext, *, dhe: bool = False) -> None:
    """What BCP-003-01 allows (TLS: TLS Versions, TLS 1.2 Cipher Suites)."""
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(":".join(suite for suite in _SUITES if dhe or not suite.startswith("DHE")))
    context.options |= ssl.OP_NO_COMPRESSION


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _digest(config: TlsConfig) -> bytes:
    """Of what the files hold; a file that cannot be read is another than one that could."""
    digest = hashlib.sha256()
    for path in (*config.certificates, *config.keys, *([config.ca] if config.ca else [])):
        try:
            digest.update(Path(path).read_bytes())
        except OSError as error:
            digest.update(repr(error).encode())
    return digest.digest()
