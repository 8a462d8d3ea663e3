"""Why a request is refused, in the words of RFC 6750 section 3.1: each with its status, code and challenge."""

from __future__ import annotations

from appliance.errors import ApplianceError

REALM = 'realm="nmos-appliance"'


class Refusal(ApplianceError):
    """``reason`` is what /metrics calls it."""

    reason: str


class AuthorizationError(Refusal):
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

    reason = "no_token"


class InvalidRequest(AuthorizationError):
    """The token is there, but not as RFC 6750 section 2 wants it sent."""

    status = 400
    code = reason = "invalid_request"


class InvalidToken(AuthorizationError):
    """It cannot be read, or is none that IS-10 has."""

    code = "invalid_token"
    reason = "malformed"


class Expired(InvalidToken):
    reason = "expired"


class NotYetGood(InvalidToken):
    reason = "not_yet_valid"


class NotSigned(InvalidToken):
    """By no key of a known authorization server."""

    reason = "bad_signature"


class InsufficientScope(AuthorizationError):
    """A good token, but not for this."""

    status = 403
    code = "insufficient_scope"
    reason = "wrong_scope"


class WrongAudience(InsufficientScope):
    """A good token, but not for this box."""

    reason = "wrong_audience"


class KeysUnknown(Refusal):
    """Nobody can say yet whether the token is good: the keys are being fetched (IS-10 Resource Servers, "Public
    keys")."""

    status = 503
    reason = "keys_unknown"
    RETRY_S = 3

    @property
    def headers(self) -> dict[str, str]:
        return {"Retry-After": str(self.RETRY_S), "WWW-Authenticate": f"Bearer {REALM}"}


REASONS = tuple(
    kind.reason
    for kind in (
        NoToken,
        InvalidRequest,
        InvalidToken,
        Expired,
        NotYetGood,
        NotSigned,
        WrongAudience,
        InsufficientScope,
        KeysUnknown,
    )
)
"""All there are."""
