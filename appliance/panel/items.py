"""What the panel shows, as frozen values: one source, one receiver, the box. The model makes them, every face reads
them, and over HTTP they are the JSON that ``to_json`` gives and ``from_json`` takes back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from appliance.core.tai import NS, format_tai, parse_tai
from appliance.core.types import JSON
from appliance.panel.kept import RouteItem
from appliance.panel.text import span

Verdict = Literal["yes", "no", "unknown"]
Health = Literal["ok", "warning", "fault"]


@dataclass(frozen=True, slots=True)
class Fit:
    """Whether a source fits a receiver; ``reason`` is a sentence wherever it is not a plain yes."""

    verdict: Verdict
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Named:
    """Something with an id that people know by its label."""

    id: str
    label: str

    def to_json(self) -> JSON:
        return {"id": self.id, "label": self.label}

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Named:
        return cls(body["id"], body["label"])


@dataclass(frozen=True, slots=True)
class SourceItem:
    """A sender that can be chosen. ``sending``: whether it is active (``None``: its API does not say).

    ``detail`` is its essence in a few words ("L24 48 kHz 2 ch"); ``current_on`` and ``pending_on`` are ids of receivers
    of this box; ``lost_since`` is TAI ns; ``confirmed``: seen since this box started; ``tags`` as "name=value".
    ``absent``: a favourite that has left the network, as it was last seen; ``lost_since`` is when, if that is known.
    """

    id: str
    label: str
    device: Named
    node: Named
    description: str = ""
    group: str = ""
    format: str = ""
    media_type: str = ""
    detail: str = ""
    transport: str = ""
    sending: bool | None = None
    lost_since: int | None = None
    confirmed: bool = True
    current_on: tuple[str, ...] = ()
    pending_on: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    absent: bool = False

    def absence(self, now: int) -> str:
        """How long it has not been there, where it is absent; ``now`` is TAI ns."""
        since = "" if self.lost_since is None else f" for {span((now - self.lost_since) / NS)}"
        return f"not on the network{since}"

    def to_json(self, fit: Fit | None = None) -> JSON:
        body: JSON = {
            "id": self.id,
            "label": self.label,
            "description": self.description,
            "device": self.device.to_json(),
            "node": self.node.to_json(),
            "group": self.group,
            "format": self.format,
            "media_type": self.media_type,
            "detail": self.detail,
            "transport": self.transport,
            "sending": self.sending,
            "lost_since": _tai_or_none(self.lost_since),
            "confirmed": self.confirmed,
            "current_on": list(self.current_on),
            "pending_on": list(self.pending_on),
            "tags": list(self.tags),
            "absent": self.absent,
        }
        return body if fit is None else {**body, "fit": {"verdict": fit.verdict, "reason": fit.reason}}

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> SourceItem:
        return cls(
            id=body["id"],
            label=body["label"],
            device=Named.from_json(body["device"]),
            node=Named.from_json(body["node"]),
            description=body["description"],
            group=body["group"],
            format=body["format"],
            media_type=body["media_type"],
            detail=body["detail"],
            transport=body["transport"],
            sending=body["sending"],
            lost_since=_parse_or_none(body["lost_since"]),
            confirmed=body["confirmed"],
            current_on=tuple(body["current_on"]),
            pending_on=tuple(body["pending_on"]),
            tags=tuple(body["tags"]),
            absent=body["absent"],
        )


@dataclass(frozen=True, slots=True)
class Pending:
    """A take under way, or an activation scheduled by a controller (``at``, TAI ns). ``sender_id`` ``None``: off."""

    sender_id: str | None
    label: str
    at: int | None = None

    def to_json(self) -> JSON:
        return {"sender_id": self.sender_id, "label": self.label, "at": _tai_or_none(self.at)}

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Pending:
        return cls(body["sender_id"], body["label"], _parse_or_none(body["at"]))


@dataclass(frozen=True, slots=True)
class ReceiverItem:
    """A receiver of this box. ``enabled``: it is on; ``shows``: what, in words; ``sender_id``: if that is a sender.

    ``phase``, ``fault``, ``restarts``, ``signal``, ``silent`` and ``last_error`` are its stream's (see
    media.engine.StreamStatus); ``why`` is the reason for the interface of each leg, and what may keep them from
    working; ``route`` what auto-route is to do and did.
    """

    id: str
    label: str
    device: Named
    description: str = ""
    format: str = ""
    media_types: tuple[str, ...] = ()
    enabled: bool = False
    sender_id: str | None = None
    shows: str = ""
    lost_since: int | None = None
    pending: Pending | None = None
    phase: str = "idle"
    fault: str = ""
    restarts: int = 0
    signal: bool | None = None
    silent: tuple[str, ...] = ()
    last_error: str = ""
    why: tuple[str, ...] = ()
    route: RouteItem = field(default_factory=RouteItem)

    def to_json(self) -> JSON:
        return {
            "id": self.id,
            "label": self.label,
            "description": self.description,
            "device": self.device.to_json(),
            "format": self.format,
            "media_types": list(self.media_types),
            "enabled": self.enabled,
            "sender_id": self.sender_id,
            "shows": self.shows,
            "lost_since": _tai_or_none(self.lost_since),
            "pending": None if self.pending is None else self.pending.to_json(),
            "stream": {
                "phase": self.phase,
                "detail": self.fault,
                "restarts": self.restarts,
                "signal": self.signal,
                "silent": list(self.silent),
                "last_error": self.last_error,
            },
            "why": list(self.why),
            "route": self.route.to_json(),
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> ReceiverItem:
        stream = body["stream"]
        return cls(
            id=body["id"],
            label=body["label"],
            device=Named.from_json(body["device"]),
            description=body["description"],
            format=body["format"],
            media_types=tuple(body["media_types"]),
            enabled=body["enabled"],
            sender_id=body["sender_id"],
            shows=body["shows"],
            lost_since=_parse_or_none(body["lost_since"]),
            pending=None if body["pending"] is None else Pending.from_json(body["pending"]),
            phase=stream["phase"],
            fault=stream["detail"],
            restarts=stream["restarts"],
            signal=stream["signal"],
            silent=tuple(stream["silent"]),
            last_error=stream["last_error"],
            why=tuple(body["why"]),
            route=RouteItem.from_json(body["route"]),
        )


@dataclass(frozen=True, slots=True)
class BoxStatus:
    """The box in a few words. ``empty``: why there is nothing to choose; ``problems``: sentences, worst first."""

    node: Named
    mode: str = "starting"
    feed: str = ""
    health: Health = "ok"
    problems: tuple[str, ...] = ()
    peers: int = 0
    sources: int = 0
    lost: int = 0
    receivers: int = 0
    empty: str = ""

    def to_json(self) -> JSON:
        return {
            "node": self.node.to_json(),
            "mode": self.mode,
            "feed": self.feed,
            "health": self.health,
            "problems": list(self.problems),
            "peers": self.peers,
            "sources": self.sources,
            "lost": self.lost,
            "receivers": self.receivers,
            "empty": self.empty,
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> BoxStatus:
        return cls(
            node=Named.from_json(body["node"]),
            mode=body["mode"],
            feed=body["feed"],
            health=body["health"],
            problems=tuple(body["problems"]),
            peers=body["peers"],
            sources=body["sources"],
            lost=body["lost"],
            receivers=body["receivers"],
            empty=body["empty"],
        )


@dataclass(frozen=True, slots=True)
class SourceGroup:
    """The sources of one device of one node, in the order they are shown."""

    node: Named
    device: Named
    sources: tuple[SourceItem, ...] = field(default=())

    @property
    def title(self) -> str:
        """ "Stage box · Inputs", or one of the two where they say the same."""
        labels = [self.node.label, self.device.label]
        return " · ".join(dict.fromkeys(label for label in labels if label))


@dataclass(frozen=True, slots=True)
class Menu:
    """The menu for one receiver (or for none): a page of the sources by device, each with its fit."""

    status: BoxStatus
    receiver: ReceiverItem | None
    groups: tuple[SourceGroup, ...]
    fits: dict[str, Fit]
    total: int


def _tai_or_none(value: int | None) -> str | None:
    return None if value is None else format_tai(value)


def _parse_or_none(value: str | None) -> int | None:
    return None if value is None else parse_tai(value)


@dataclass(frozen=True, slots=True)
class MenuChange:
    """What to look at again: ids of sources and receivers that are new or different, of sources that are gone; the
    box's status, and what was set at the panel; events and lamps."""

    sources: frozenset[str] = frozenset()
    gone: frozenset[str] = frozenset()
    receivers: frozenset[str] = frozenset()
    status: bool = False
    panel: bool = False
    tally: bool = False
