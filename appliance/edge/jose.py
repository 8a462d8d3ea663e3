"""The cryptography of access tokens, by authlib: public keys read from a JWK Set, signatures verified with them.

Loaded only where ``authorization.enabled`` is set. It is authlib, for Debian 12 has no other library for JOSE;
authlib's newest says on import that this part of it moves to joserfc with authlib 2.0, which is known and not worth a
line in the log of every start.
"""

from __future__ import annotations

import warnings
from typing import Any

from appliance.config.authorization import MISSING
from appliance.core.types import JSON
from appliance.errors import ApplianceError, BadRequest
from appliance.nmos.is10.keyring import MAX_KEYS, Key
from appliance.nmos.is10.tokens import ALGORITHM

MIN_BITS, MAX_BITS = 2048, 8192
"""Of the modulus (RFC 7518 section 3.3); above, one signature takes too long."""


class Jose:
    """ApplianceError where the library is not installed."""

    def __init__(self) -> None:
        with warnings.catch_warnings(record=True):  # it insists: a filter would be overruled
            try:
                from authlib.jose import JsonWebKey, JsonWebSignature
                from authlib.jose.errors import JoseError
            except ImportError as error:
                raise ApplianceError(MISSING) from error
        self._keys, self._error = JsonWebKey, JoseError
        self._signature = JsonWebSignature(algorithms=[ALGORITHM])

    def read_keys(self, jwks: JSON) -> tuple[Key, ...]:
        """The RSA keys of a JWK Set that may verify RS512; what else is in it is left out (RFC 7517 section 5)."""
        listed = jwks.get("keys")
        if not isinstance(listed, list):
            raise BadRequest("keys: must be an array")
        keys = [key for jwk in listed[:MAX_KEYS] if isinstance(jwk, dict) and (key := self._read(jwk)) is not None]
        if not keys:
            raise BadRequest(f"keys: none of them is an RSA key for {ALGORITHM}")
        return tuple(keys)

    def is_signed(self, token: str, key: Key) -> bool:
        """Whether ``key`` signed it; about 0.05 ms of the loop with 2048 bits."""
        try:
            self._signature.deserialize_compact(token.encode("ascii"), key.public)
        except (self._error, ValueError):
            return False
        return True

    def _read(self, jwk: dict[str, Any]) -> Key | None:
        if jwk.get("kty") != "RSA" or jwk.get("use", "sig") != "sig" or jwk.get("alg", ALGORITHM) != ALGORITHM:
            return None
        public = {name: jwk.get(name) for name in ("kty", "n", "e")}  # a private part would be none of our business
        if not all(isinstance(value, str) and len(value) < 2000 for value in public.values()):
            return None
        try:
            key = self._keys.import_key(public)
            bits = key.get_public_key().key_size
        except (self._error, ValueError, TypeError):
            return None
        kid = jwk.get("kid")
        return Key(kid if isinstance(kid, str) else None, key) if MIN_BITS <= bits <= MAX_BITS else None
