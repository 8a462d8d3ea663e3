"""What goes in and out of the registration machine, as values: requests, answers, things to say, the status."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from appliance.core.types import JSON

MAX_ERROR_TEXT = 200
_VERSION_IN_PATH = re.compile(r"/x-nmos/registration/(v[0-9]+\.[0-9]+)/")


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request. ``body`` becomes JSON; without one there is no Content-Type either.

    Only one is under way at a time; a later one (or ``Cancel``) ends it. ``serial`` comes back with the answer.
    """

    serial: int
    method: Literal["GET", "POST", "DELETE"]
    url: str
    body: JSON | None
    timeout_s: float


@dataclass(frozen=True, slots=True)
class Cancel:
    """Drop the request that is under way."""


@dataclass(frozen=True, slots=True)
class Say:
    """A line for the log."""

    level: int
    text: str


@dataclass(frozen=True, slots=True)
class Doubt:
    """The service ``instance`` (a DNS-SD name) did not do what it is there for: is it still announced?"""

    instance: str


Action = Request | Cancel | Say | Doubt


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; of the body as much as was read (64 KiB at most)."""

    status: int
    content_type: str = "application/json"
    location: str | None = None
    body: bytes = b""

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300 and not self.is_page

    @property
    def is_refusal(self) -> bool:
        """A 4xx: the request is at fault and must not be repeated as it is."""
        return 400 <= self.status < 500

    @property
    def is_page(self) -> bool:
        """HTML: a captive portal or a proxy, if it is said to be a success; errors come as pages from many a server."""
        kind = self.content_type.partition(";")[0].strip().lower()
        return bool(self.body) and kind in ("text/html", "application/xhtml+xml")

    @property
    def registered_version(self) -> str | None:
        """The API version that the Location of a 409 names. Its host is never looked at."""
        match = _VERSION_IN_PATH.search(self.location or "")
        return match[1] if match else None

    def json(self) -> object:
        """The body read as JSON; ``None`` where it is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    def __str__(self) -> str:
        """For people: ``400 (the parent does not exist)``."""
        if self.is_page:
            return f"{self.status} with an HTML page"
        document = self.json()
        error = document.get("error") if isinstance(document, dict) else None
        return f"{self.status} ({error[:MAX_ERROR_TEXT]})" if isinstance(error, str) and error else str(self.status)


class State(StrEnum):
    """Where registration stands."""

    OFF = "off"
    """Not wanted: the mode, or not started yet."""
    SEARCHING = "searching"
    """No registry that could be used is known."""
    ASKING = "asking"
    """A registry named in the config is asked which API versions it speaks."""
    PROBING = "probing"
    """The first heartbeat at another registry: does it know the node already?"""
    CREATING = "creating"
    """The node's first POST."""
    CLEARING = "clearing"
    """What a registry has of this node from earlier times is deleted."""
    REGISTERED = "registered"
    WAITING = "waiting"
    """Every registry failed; backing off."""
    LEAVING = "leaving"
    LEFT = "left"


@dataclass(frozen=True, slots=True)
class Status:
    """For the panel. Times are those of the machine's ``now``.

    ``registered`` can be true in the middle of a failover: it becomes false when every registry failed. ``refused``
    are resources that the registry will not have, ``unsuitable`` are services that cannot be used, one sentence each.
    """

    state: State = State.OFF
    registered: bool = False
    registry: str | None = None
    name: str | None = None
    version: str | None = None
    since: float | None = None
    last_error: str | None = None
    last_error_at: float | None = None
    next_attempt_at: float | None = None
    held: int = 0
    pending: int = 0
    refused: tuple[str, ...] = ()
    registries: tuple[str, ...] = ()
    unsuitable: tuple[str, ...] = ()
