"""Why a request is refused, in the words of RFC 6750 section 3.1: each with its status, code and challenge."""

from __future__ import annotations

from appliance.errors import ApplianceError

REALM = 'realm="nmos-appliance"'


class AuthorizationError(ApplianceError):
    """``code`` is RFC 6750's; without one the client has not tried to authorize at all."""

    status = 401
    code = ""

    @property
    def headers(self) -> dict[str, str]:
        if not self.code:
            return {"WWW-Authenticate": f"Bearer {REALM}"}
        # A description may have anything but quotes and line ends (RFC 6750 section 3): ours quotes what it was sent.
        said = "".join(c if c.isascii() and c.isprintable() and c not in '"\\' else "'" for c in self.message)
        return {"WWW-Authenticate": f'Bearer error={self.code},{REALM},error_description="{said[:200]}"'}


class NoToken(AuthorizationError):
    """No token, or another scheme."""


class InvalidRequest(AuthorizationError):
    """The token is there, but not as RFC 6750 section 2 wants it sent."""

    status = 400
    code = "invalid_request"


class InvalidToken(AuthorizationError):
    """Malformed, expired, or not signed by a known key."""

    code = "invalid_token"


class InsufficientScope(AuthorizationError):
    """A good token, but not for this box or not for this."""

    status = 403
    code = "insufficient_scope"


class KeysUnknown(ApplianceError):
    """Nobody can say yet whether the token is good: the keys are being fetched (IS-10 Resource Servers, "Public
    keys")."""

    status = 503
    RETRY_S = 3

    @property
    def headers(self) -> dict[str, str]:
        return {"Retry-After": str(self.RETRY_S), "WWW-Authenticate": f"Bearer {REALM}"}
