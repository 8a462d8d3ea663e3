"""The error tree: what can go wrong that somebody outside should be told about.

    ApplianceError              status 500  the box itself failed; message says what to look at
    ├── BadRequest              400         the request (or document, or file) breaks a rule; message names the key
    ├── Unauthorized            401         the panel's password is wanted
    ├── Forbidden               403         understood, but not from here or not for this
    ├── NotFound                404         no such resource or path
    ├── NotAllowed              405         the path exists, the method is not for it (carries ``allow``)
    ├── Conflict                409         true at another time, or of another resource
    ├── TooLarge                413         over a stated limit
    ├── Locked                  423         an activation is pending, or the panel is locked
    ├── TooManyAttempts         429         a PIN or password was wrong too often; message says how long to wait
    ├── NotOffered              501         the specification lets a box do without it, and this one does
    ├── Unresolvable            500         IS-05: ``auto`` has no answer now; message names the parameter
    └── ConfigError             exit 2      every error of a config file at once

Each edge translates the tree once: HTTP into the NMOS error body, the command line into a line and an exit code.
"""

from __future__ import annotations

from collections.abc import Sequence


class ApplianceError(Exception):
    """Base of all errors whose message is meant for a reader outside the code."""

    status = 500

    def __init__(self, message: str, *, debug: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.debug = debug

    @property
    def headers(self) -> dict[str, str]:
        """What HTTP has for it beside the status."""
        return {}


class BadRequest(ApplianceError):
    status = 400


class Unauthorized(ApplianceError):
    status = 401


class Forbidden(ApplianceError):
    status = 403


class NotFound(ApplianceError):
    status = 404


class NotAllowed(ApplianceError):
    status = 405

    def __init__(self, message: str, *, allow: Sequence[str]) -> None:
        super().__init__(message)
        self.allow = tuple(allow)

    @property
    def headers(self) -> dict[str, str]:
        return {"Allow": ", ".join(self.allow)}


class Conflict(ApplianceError):
    status = 409


class TooLarge(ApplianceError):
    status = 413


class Locked(ApplianceError):
    status = 423


class TooManyAttempts(ApplianceError):
    status = 429


class NotOffered(ApplianceError):
    status = 501


class Unresolvable(ApplianceError):
    """A transport parameter is ``auto`` and nothing on this box can say now what it should become."""

    status = 500

    def __init__(self, parameter: str, why: str) -> None:
        super().__init__(f"{parameter} is 'auto' and cannot be resolved: {why}")
        self.parameter = parameter
        self.why = why


class ConfigError(ApplianceError):
    """All that is wrong with a configuration, as (key, reason) pairs in file order."""

    def __init__(self, problems: Sequence[tuple[str, str]]) -> None:
        super().__init__("\n".join(f"{key}: {reason}" if key else reason for key, reason in problems))
        self.problems = tuple(problems)
