"""Certificates as files: what they say, and what is wrong with them, in plain words.

A certificate that is out of date is one thing, one that cannot be used at all another: a box without a battery for its
clock starts in 1970, and must start all the same.
"""

from __future__ import annotations

import ssl
import stat
import time

# The one way that the standard library has to read a certificate without a connection that it is for: get_ca_certs()
# passes over those that are no authority. To import cryptography.x509 takes 22 ms, 3 to 8 MB and one more package.
from _ssl import _test_decode_cert  # type: ignore[attr-defined]
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from appliance.config.model import TlsConfig
from appliance.errors import ConfigError

DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Certificate:
    """What the first certificate of a chain says; ``begins`` and ``ends`` in seconds since 1970."""

    path: str
    names: tuple[str, ...]
    addresses: tuple[str, ...]
    begins: float
    ends: float

    def covers(self, name: str) -> bool:
        """Whether a client that calls the box so takes the certificate (RFC 6125 section 6.4)."""
        wanted = name.lower().rstrip(".")
        wildcard = f"*.{wanted.partition('.')[2]}"
        return any(own.lower() in (wanted, wildcard) for own in self.names) or name in self.addresses


class Unfit(Exception):
    """Why a file is of no use."""


def pairs(config: TlsConfig) -> list[tuple[str, str, str]]:
    """(certificate, key, the key in the configuration that names the key's file) of each certificate."""
    if not config.keys:
        return [(path, path, f"tls.certificates[{index}]") for index, path in enumerate(config.certificates)]
    both = zip(config.certificates, config.keys, strict=True)
    return [(path, key, f"tls.keys[{index}]") for index, (path, key) in enumerate(both)]


def read_all(config: TlsConfig) -> list[Certificate]:
    """The certificates; :class:`ConfigError` with all that makes files useless, by the keys that name them."""
    found, problems = [], []
    for index, (path, key, key_name) in enumerate(pairs(config)):
        try:
            certificate = read_certificate(path)
        except Unfit as unfit:
            problems.append((f"tls.certificates[{index}]", str(unfit)))
            continue
        found.append(certificate)
        if config.name is not None and not certificate.covers(config.name):
            problems.append(("tls.name", f"{path} is not for {config.name}, but for {_listed(certificate)}"))
        try:
            load_pair(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), path, key)
        except Unfit as unfit:
            problems.append((key_name, str(unfit)))
    if config.ca is not None:
        try:
            load_authorities(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), config.ca)
        except Unfit as unfit:
            problems.append(("tls.ca", str(unfit)))
    if problems:
        raise ConfigError(problems)
    return found


def out_of_date(certificates: Sequence[Certificate], now: float) -> list[tuple[str, str]]:
    """Those that no client takes now, by the keys that name them."""
    return [(f"tls.certificates[{index}]", why) for index, one in enumerate(certificates) if (why := _wrong(one, now))]


def expiring(certificates: Sequence[Certificate], warn_days: int, now: float) -> Iterator[str]:
    """A sentence for each that clients will take for some days only."""
    for one in certificates:
        if not _wrong(one, now) and one.ends - now < warn_days * DAY_S:
            yield f"{one.path} expires in {int((one.ends - now) / DAY_S)} days, on {_day(one.ends)}"


def notes(config: TlsConfig, certificates: Sequence[Certificate], hosts: Collection[str], now: float) -> Iterator[str]:
    """What is no error, but may not be what somebody wants. ``hosts``: how this host is called."""
    yield from expiring(certificates, config.warn_days, now)
    for one in certificates:
        if config.name is None and not any(one.covers(host) for host in hosts):
            host = next(iter(hosts), "")
            yield f"{one.path} is for {_listed(one)}; this host is called {host}"
        if not one.names:
            yield f"{one.path} has no name of a host, only addresses, which BCP-003-01 advises against"
    for _, key, _name in pairs(config):
        if Path(key).stat().st_mode & stat.S_IROTH:
            yield f"{key}: everybody on this host can read the private key in it (chmod o-r)"


def read_certificate(path: str) -> Certificate:
    """The first certificate of a PEM file; :class:`Unfit` says why there is none."""
    _open(path)
    try:
        said = _test_decode_cert(path)
        begins, ends = (ssl.cert_time_to_seconds(str(said[key])) for key in ("notBefore", "notAfter"))
    except (ssl.SSLError, ValueError, KeyError):
        raise Unfit(f"{path} has no certificate that can be read (PEM is wanted)") from None
    also: Sequence[tuple[str, str]] = said.get("subjectAltName", ())
    names = tuple(value for kind, value in also if kind == "DNS")
    return Certificate(path, names, tuple(value for kind, value in also if kind == "IP Address"), begins, ends)


def load_pair(context: ssl.SSLContext, certificate: str, key: str) -> None:
    """Have the context show this certificate; :class:`Unfit` where its key is not to be had."""

    def no_password() -> str:
        raise Unfit(f"the private key in {key} is encrypted, and nobody is there to give the password")

    _open(key)
    try:
        context.load_cert_chain(certificate, key, no_password)
    except ssl.SSLError as error:
        if error.reason in ("KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH", "NO_CERTIFICATE_ASSIGNED"):
            raise Unfit(f"the private key in {key} does not belong to the certificate in {certificate}") from None
        raise Unfit(f"{key} has no private key that can be used: {error.reason or error}") from None


def load_authorities(context: ssl.SSLContext, path: str) -> None:
    """Have the context trust the authorities in a file."""
    _open(path)
    try:
        context.load_verify_locations(path)
    except ssl.SSLError as error:
        raise Unfit(f"{path} has no certificates that can be read: {error.reason or error}") from None


def _open(path: str) -> None:
    """OpenSSL says of a file only that it could not be read."""
    try:
        with Path(path).open("rb") as file:
            file.read(1)
    except OSError as error:
        raise Unfit(f"{path}: {error.strerror}") from None


def _wrong(one: Certificate, now: float) -> str:
    if now > one.ends:
        return f"{one.path} expired on {_day(one.ends)}: no client takes it"
    if now < one.begins:
        return f"{one.path} is not valid before {_day(one.begins)}, and it is {_day(now)} by this box's clock"
    return ""


def _day(seconds: float) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(seconds))


def _listed(certificate: Certificate) -> str:
    return ", ".join((*certificate.names, *certificate.addresses)) or "nobody by name"
