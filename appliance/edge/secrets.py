"""Secrets as salted hashes that are slow to make (scrypt, RFC 7914): some 50 ms and 16 MB, in a thread of their own;
and the tokens of sessions.

One at a time: whoever sends many PINs at once shall not have the memory of many.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import os
import secrets

_COST, _BLOCK, _PARALLEL = 2**14, 8, 1
_MAX_MEMORY = 64 * 1024 * 1024
_SALT_BYTES = 16


class Scrypt:
    """Hashes as text, ``scrypt:<cost>:<salt>:<hash>``, the last two in base64."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()

    async def hashed(self, secret: str) -> str:
        salt = os.urandom(_SALT_BYTES)
        return f"scrypt:{_COST}:{_text(salt)}:{_text(await self._derived(secret, salt, _COST))}"

    async def is_right(self, secret: str, hashed: str) -> bool:
        """False also for a hash that is none. What does not begin like one is the secret itself, as configured."""
        if not hashed.startswith("scrypt:"):
            return hmac.compare_digest(secret.encode(), hashed.encode())
        try:
            _, cost, salt, wanted = hashed.split(":")
            parts = int(cost), base64.b64decode(salt, validate=True), base64.b64decode(wanted, validate=True)
        except ValueError:
            return False
        if not 2 <= parts[0] <= _COST:
            return False
        return hmac.compare_digest(await self._derived(secret, parts[1], parts[0]), parts[2])

    def token(self) -> str:
        """Nobody can guess it."""
        return secrets.token_urlsafe(32)

    async def _derived(self, secret: str, salt: bytes, cost: int) -> bytes:
        async with self._turn:
            return await asyncio.to_thread(
                hashlib.scrypt, secret.encode(), salt=salt, n=cost, r=_BLOCK, p=_PARALLEL, maxmem=_MAX_MEMORY
            )


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
