"""Answers kept as bytes until something they were made from changes.

The server edge asks here before it wakes bottle. An answer gets in by being given once (a 200 to a GET whose
handler named what it depends on), and goes out when a commit touches one of those, so a commit costs what it touches.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from appliance.core.store import Change
from appliance.web.messages import Answer, Dependency
from appliance.web.wire import etag_of, fields_of, head, tag_matches

MAX_KEPT = 20_000
MAX_KEPT_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer as bytes, ready for the wire but for Date and the end of the head."""

    payload: bytes
    head: bytes
    etag: str
    unmodified: bytes
    """The head of the 304 for a client that has it already."""

    def for_client(self, if_none_match: str | None) -> tuple[bytes, bytes]:
        """Head and payload for one who sent this ``If-None-Match``."""
        if if_none_match is not None and tag_matches(if_none_match, self.etag):
            return self.unmodified, b""
        return self.head, self.payload


class ReadyAnswers:
    """Kept answers by exact path (no query)."""

    def __init__(self) -> None:
        self._kept: dict[str, Kept] = {}
        self._dependents: dict[Dependency, set[str]] = {}
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def size(self) -> int:
        """What the payloads take."""
        return self._bytes

    def get(self, path: str) -> Kept | None:
        return self._kept.get(path)

    def keep(self, path: str, answer: Answer, payload: bytes) -> Kept | None:
        """Keep an answer if it says what it depends on and there is room; what is kept of it."""
        if not answer.depends or answer.status != 200 or path in self._kept:
            return self._kept.get(path)
        if len(self._kept) >= MAX_KEPT or self._bytes + len(payload) > MAX_KEPT_BYTES:
            return None
        self._kept[path] = kept = _kept(path, answer, payload)
        self._bytes += len(payload)
        for dependency in answer.depends:
            self._dependents.setdefault(dependency, set()).add(path)
        return kept

    def on_change(self, change: Change) -> None:
        """Forget what this commit made untrue; all of it when a resource came or went, for others may refer to it."""
        if any(resource.before is None or resource.after is None for resource in change.resources):
            self.forget_all()
            return
        for resource in change.resources:
            self._forget(((resource.kind.value, None), (resource.kind.value, resource.id)))
        for aspect in change.aspects:
            self._forget(((aspect.aspect, None), (aspect.aspect, aspect.id)))

    def forget_all(self) -> None:
        self._kept.clear()
        self._dependents.clear()
        self._bytes = 0

    def _forget(self, dependencies: Iterable[Dependency]) -> None:
        for dependency in dependencies:
            for path in self._dependents.pop(dependency, ()):
                kept = self._kept.pop(path, None)
                if kept is not None:
                    self._bytes -= len(kept.payload)


def _kept(path: str, answer: Answer, payload: bytes) -> Kept:
    etag = etag_of(payload)
    # no-cache: it may be stored, and is asked for again (and answered 304) each time
    fields = {**fields_of(path, answer, payload), "Cache-Control": "no-cache", **answer.headers, "ETag": etag}
    of_unmodified = {key: value for key, value in fields.items() if key not in ("Content-Length", "Content-Type")}
    return Kept(payload, head(200, fields), etag, head(304, of_unmodified))
