"""Access tokens for tests: any header and claims, signed by a key or by nobody."""

import base64
import json
import warnings
from typing import Any

HEADER = {"typ": "JWT", "alg": "RS512"}
ISSUER = "https://auth.example.com"


def claims(**changed: Any) -> dict[str, Any]:
    """Good ones at the time 1000; ``None`` takes one out, ``x_nmos_node`` is ``x-nmos-node``."""
    good = {
        "iss": ISSUER,
        "sub": "somebody@example.com",
        "aud": ["*.example.com"],
        "iat": 900,
        "exp": 2000,
        "client_id": "controller",
        "scope": "node",
        "x-nmos-node": {"read": ["*"]},
    }
    good |= {name.replace("_", "-") if name.startswith("x_") else name: value for name, value in changed.items()}
    return {name: value for name, value in good.items() if value is not None}


def part(value: object) -> str:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def unsigned(said: object, header: object = HEADER, signature: bytes = b"signature") -> str:
    return ".".join((part(header), part(said), part(signature)))


def signed(said: dict[str, Any], key: Any, header: dict[str, Any] = HEADER) -> str:
    """By an authlib key."""
    with warnings.catch_warnings(record=True):
        from authlib.jose import JsonWebSignature

    token: bytes = JsonWebSignature().serialize_compact(header, json.dumps(said).encode(), key)
    return token.decode()
