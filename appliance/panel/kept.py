"""What was set at the panel and outlives a power cut: favourites, presets, confirmation, the lock, auto-routes.

It is kept in the store's aspects, so the journal writes it, every face hears of it, and a backup has it:

    favourite  sender id    {"label", "device", "node", "format", "detail", "left"}: as it was last seen, and since when
                            (TAI) it is not on the network, or null
    preset     name         {"saved": TAI, "takes": {receiver id: {"sender_id", "label"}}}
    panel      "settings"   {"confirm": bool}
    panel      "lock"       {"locked": bool, "pin": a salted hash, or null}
    route      receiver id  what is said otherwise than in the configuration, as RouteConfig has it
    routing    receiver id  {"manual": bool, "home": sender id or null, "note", "at": TAI}: how auto-route stands
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from appliance.config.model import EndpointConfig, ReceiverConfig
from appliance.config.panel import RouteConfig, RuleConfig
from appliance.config.route_rules import PATTERNS
from appliance.core.store import Store
from appliance.core.tai import format_tai, parse_tai
from appliance.core.types import JSON

FAVOURITE, PRESET, PANEL, ROUTE, ROUTING = "favourite", "preset", "panel", "route", "routing"
SETTINGS, LOCK = "settings", "lock"
IS_LOCKED = "the panel is locked: unlock it first"
SHOWN = frozenset((FAVOURITE, PRESET, PANEL))
"""Whose changes concern the panel as a whole; those of ``ROUTE`` and ``ROUTING`` concern their receiver."""


@dataclass(frozen=True, slots=True)
class Defaults:
    """What holds until something else is set at the panel. ``configs``: of senders and receivers, by id."""

    confirm: bool = False
    configs: Mapping[str, EndpointConfig] = field(default_factory=dict)

    def route(self, receiver_id: str) -> RouteConfig:
        config = self.configs.get(receiver_id)
        return config.auto_route if isinstance(config, ReceiverConfig) else RouteConfig()


@dataclass(frozen=True, slots=True)
class PresetItem:
    """A preset in a list: how many receivers it is about, when it was saved (TAI ns), and the labels of those of its
    sources that are not there now."""

    name: str
    receivers: int
    saved: int
    missing: tuple[str, ...] = ()

    def to_json(self) -> JSON:
        missing = list(self.missing)
        return {"name": self.name, "receivers": self.receivers, "saved": format_tai(self.saved), "missing": missing}

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> PresetItem:
        return cls(body["name"], body["receivers"], parse_tai(body["saved"]), tuple(body["missing"]))


@dataclass(frozen=True, slots=True)
class PanelItem:
    """The panel as a whole. ``favourites`` are sender ids; ``confirm``: a take wants a second press; ``has_pin``: it
    takes one to unlock."""

    favourites: frozenset[str] = frozenset()
    presets: tuple[PresetItem, ...] = ()
    confirm: bool = False
    locked: bool = False
    has_pin: bool = False

    def to_json(self) -> JSON:
        return {
            "favourites": sorted(self.favourites),
            "presets": [preset.to_json() for preset in self.presets],
            "confirm": self.confirm,
            "locked": self.locked,
            "has_pin": self.has_pin,
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> PanelItem:
        return cls(
            favourites=frozenset(body["favourites"]),
            presets=tuple(PresetItem.from_json(preset) for preset in body["presets"]),
            confirm=body["confirm"],
            locked=body["locked"],
            has_pin=body["has_pin"],
        )


@dataclass(frozen=True, slots=True)
class RouteItem:
    """A receiver's auto-route. ``manual``: somebody chose, and that wins until it is released; ``note`` and ``at`` (TAI
    ns): what auto-route did last and why; ``edited``: set at the panel, not as configured."""

    mode: str = "keep"
    hold_s: float = 10.0
    back: bool = True
    rules: tuple[RuleConfig, ...] = ()
    manual: bool = False
    note: str = ""
    at: int | None = None
    edited: bool = False

    def to_json(self) -> JSON:
        return {
            **route_to_json(RouteConfig(self.mode, self.hold_s, self.back, self.rules)),  # type: ignore[arg-type]
            "manual": self.manual,
            "note": self.note,
            "at": None if self.at is None else format_tai(self.at),
            "edited": self.edited,
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> RouteItem:
        return cls(
            mode=body["mode"],
            hold_s=body["hold_s"],
            back=body["back"],
            rules=tuple(_rule(rule) for rule in body["rules"]),
            manual=body["manual"],
            note=body["note"],
            at=None if body["at"] is None else parse_tai(body["at"]),
            edited=body["edited"],
        )


def panel_item(store: Store, defaults: Defaults, missing: Mapping[str, tuple[str, ...]] | None = None) -> PanelItem:
    """``missing``: by preset, the labels of its sources that are not there."""
    lock = store.aspect(PANEL, LOCK) or {}
    return PanelItem(
        favourites=frozenset(store.aspects(FAVOURITE)),
        presets=tuple(
            PresetItem(name, len(preset["takes"]), parse_tai(preset["saved"]), (missing or {}).get(name, ()))
            for name, preset in sorted(store.aspects(PRESET).items(), key=lambda item: item[0].casefold())
        ),
        confirm=bool((store.aspect(PANEL, SETTINGS) or {}).get("confirm", defaults.confirm)),
        locked=bool(lock.get("locked")),
        has_pin=lock.get("pin") is not None,
    )


def route_of(store: Store, defaults: Defaults, receiver_id: str) -> RouteConfig:
    """What holds for a receiver: as set at the panel, else as configured."""
    edited = store.aspect(ROUTE, receiver_id)
    return route_from_json(edited) if edited is not None else defaults.route(receiver_id)


def route_item(store: Store, defaults: Defaults, receiver_id: str) -> RouteItem:
    route = route_of(store, defaults, receiver_id)
    state = store.aspect(ROUTING, receiver_id) or {}
    at = state.get("at")
    return RouteItem(
        mode=route.mode,
        hold_s=route.hold_s,
        back=route.back,
        rules=route.rules,
        manual=bool(state.get("manual")) and route.mode in ("follow", "first"),
        note=state.get("note", ""),
        at=None if at is None else parse_tai(at),
        edited=store.aspect(ROUTE, receiver_id) is not None,
    )


def route_to_json(route: RouteConfig) -> JSON:
    names = (*PATTERNS, "format")
    rules = [{name: value for name in names if (value := getattr(rule, name)) is not None} for rule in route.rules]
    return {"mode": route.mode, "hold_s": route.hold_s, "back": route.back, "rules": rules}


def route_from_json(body: Mapping[str, Any]) -> RouteConfig:
    return RouteConfig(body["mode"], body["hold_s"], body["back"], tuple(_rule(rule) for rule in body["rules"]))


def _rule(body: Mapping[str, Any]) -> RuleConfig:
    return RuleConfig(**{name: body.get(name) for name in (*PATTERNS, "format")})
