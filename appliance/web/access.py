"""Who may reach the box, by address, and which pages may use its APIs: the rules of [access].

A host in none of the networks is turned away before anything that it sends is parsed. A page of a site that is not
named gets no CORS header, so that its browser shows it nothing, and may neither change anything nor open a WebSocket.
Where sites are named, the NMOS APIs answer by the box's own names only: else a page could have its own name resolve to
the box, and be of the same origin then. Without [access] none of this costs anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import IntEnum

from appliance.config.access import AccessConfig
from appliance.errors import Forbidden
from appliance.network.ranges import Ranges
from appliance.web.wire import ANY_PAGE, is_for_any_page

READING = ("GET", "HEAD", "OPTIONS")
NOTICE_S = 60.0


class Right(IntEnum):
    """What a host may do here."""

    NOTHING = 0
    LOOK = 1
    CHANGE = 2


class Access:
    """``check_name`` raises Forbidden for a Host that is not the box's; ``harmless``: paths to which all may post
    who may look, as that changes nothing."""

    def __init__(
        self,
        config: AccessConfig,
        check_name: Callable[[str], None] = lambda host: None,
        harmless: frozenset[str] = frozenset(),
    ) -> None:
        self._read, self._change = Ranges(config.read), Ranges(config.change)
        self._sites = None if "*" in config.origins else frozenset(config.origins)
        self._check_name, self._harmless = check_name, harmless

    @property
    def names_sites(self) -> bool:
        """Not every page may use the APIs."""
        return self._sites is not None

    def right(self, remote: str, *, own: bool) -> Right:
        """``own``: this very host, which may always do everything."""
        if own or self._change.has(remote):
            return Right.CHANGE
        if self._read and not self._read.has(remote):
            return Right.NOTHING
        return Right.LOOK if self._change else Right.CHANGE

    def check(self, right: Right, method: str, path: str, headers: Mapping[str, str]) -> None:
        """Forbidden where a request must not be answered. ``headers``: by names in lower case."""
        if right < Right.CHANGE and method not in READING and path not in self._harmless:
            raise Forbidden("this address may look at this box, but not change anything (access.change says who may)")
        if self._sites is None or not is_for_any_page(path):
            return
        self._check_name(headers.get("host", ""))
        origin = headers.get("origin")
        if origin is None or origin in self._sites or origin.partition("://")[2] == headers.get("host"):
            return
        if method not in ("GET", "HEAD") or "upgrade" in headers:  # else it cannot see what it gets
            raise Forbidden("Origin: pages of that site may not use this box (access.origins says which may)")

    def for_page(self, head: bytes, origin: str | None) -> bytes:
        """The head of an answer as it goes to a page of this origin (Fetch, CORS protocol and HTTP caches)."""
        if self._sites is None:
            return head
        allowed = f"Access-Control-Allow-Origin: {origin}\r\n" if origin in self._sites else ""
        return head.replace(ANY_PAGE, b"Vary: Origin\r\n" + allowed.encode("ascii"))


class Notices:
    """What is logged of those who were turned away: a line a minute at most, however many they are."""

    def __init__(self) -> None:
        self._next, self._untold = 0.0, 0

    def of(self, remote: str, now: float) -> str | None:
        """The line for one more, if it is time for one. ``now``: monotonic seconds."""
        if now < self._next:
            self._untold += 1
            return None
        more = f" ({self._untold} more since the last such line)" if self._untold else ""
        self._next, self._untold = now + NOTICE_S, 0
        return f"{remote} was turned away: it is in no network of [access]{more}"
