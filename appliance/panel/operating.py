"""The part of ``/panel/`` that keeps something: favourites, presets, auto-routes, confirmation, the lock and its PIN.

All of it but unlocking is refused while the panel is locked. A controller's IS-05 is not: the lock is on the box's own
panel, not on its APIs.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from appliance.config import route_rules
from appliance.config.panel import RouteConfig
from appliance.core.store import Store
from appliance.core.tai import format_tai
from appliance.core.types import JSON, Clock
from appliance.errors import BadRequest, Conflict, Forbidden, NotFound
from appliance.panel import presets
from appliance.panel.api import PanelApi
from appliance.panel.attempts import Attempts
from appliance.panel.describe import remembered
from appliance.panel.kept import (
    FAVOURITE,
    LOCK,
    PANEL,
    PRESET,
    ROUTE,
    ROUTING,
    SETTINGS,
    Defaults,
    route_from_json,
    route_item,
    route_of,
    route_to_json,
)
from appliance.panel.menu import MenuModel
from appliance.panel.options import LONGEST_PIN, SHORTEST_PIN
from appliance.panel.requests import boolean, string, trusted_object
from appliance.web.messages import Answer, Request
from appliance.web.site import Site

MAX_FAVOURITES = 500
_FRESH = {"Cache-Control": "no-store"}

Job = Callable[[], Awaitable[Answer]]
Together = Callable[[Mapping[str, Job]], Awaitable[dict[str, str]]]
"""Do all of these at the same time, as far as that is wise; what went wrong, by their keys."""


class Secrets(Protocol):
    """Salted hashes that are slow to make, made where they hold up nobody."""

    async def hashed(self, secret: str) -> str: ...
    async def is_right(self, secret: str, hashed: str) -> bool: ...


class OperatingApi:
    """The handlers; ``declare`` puts them on a site. ``panel`` does the takes."""

    def __init__(
        self,
        menu: MenuModel,
        store: Store,
        clock: Clock,
        defaults: Defaults,
        panel: PanelApi,
        together: Together,
        secrets: Secrets,
    ) -> None:
        self._menu, self._store, self._clock, self._defaults = menu, store, clock, defaults
        self._panel, self._together, self._secrets = panel, together, secrets
        self._attempts = Attempts()

    def declare(self, site: Site) -> None:
        site.route("/panel/settings", get=self.settings, post=self.set)
        site.route("/panel/favourite", post=self.favourite)
        site.route("/panel/route", post=self.route)
        site.route("/panel/presets", get=self.presets)
        site.route("/panel/presets/save", post=self.save)
        site.route("/panel/presets/recall", post=self.recall)
        site.route("/panel/presets/rename", post=self.rename)
        site.route("/panel/presets/delete", post=self.delete)
        site.route("/panel/presets/import", post=self.import_)
        site.route("/panel/lock", post=self.lock)
        site.route("/panel/unlock", post=self.unlock)
        site.route("/panel/pin", post=self.pin)

    # ---- what is set

    def settings(self, _request: Request) -> Answer:
        """Favourites, presets by name, confirmation, the lock: as the events have it."""
        return self._answer({"panel": self._menu.panel.to_json()})

    def set(self, request: Request) -> Answer:
        """``{"confirm": true or false}``."""
        body = self._operated(request, "confirm")
        self._attach("settings changed at the panel", PANEL, SETTINGS, {"confirm": boolean(body, "confirm")})
        return self.settings(request)

    def favourite(self, request: Request) -> Answer:
        """``{"id": a sender's, "favourite": true or false}``."""
        body = self._operated(request, "id", "favourite")
        id, wanted = string(body, "id"), boolean(body, "favourite")
        source = self._menu.source(id)
        if wanted and source is None:
            raise NotFound(f"id: no source {id[:60]!r} is known")
        if wanted and len(self._store.aspects(FAVOURITE)) >= MAX_FAVOURITES:
            raise Conflict(f"favourite: there are {MAX_FAVOURITES} already")
        value = remembered(source) if wanted and source is not None else None
        self._attach("favourites changed at the panel", FAVOURITE, id, value)
        return self.settings(request)

    def route(self, request: Request) -> Answer:
        """``{"receiver_id", ...}`` with what is to change of mode, hold_s, back and rules; or ``"as_configured"``
        true; or ``"release"`` true: what was chosen by hand no longer wins. To set a mode releases too."""
        body = dict(self._operated(request, "receiver_id", optional=("mode", "hold_s", "back", "rules", *_ALONE)))
        id = string(body, "receiver_id")
        if self._menu.receiver(id) is None:
            raise NotFound(f"receiver_id: this box has no receiver {id[:60]!r}")
        del body["receiver_id"]
        alone = next((key for key in _ALONE if key in body), None)
        if not body or (alone is not None and len(body) > 1):
            raise BadRequest("one of mode, hold_s, back, rules, as_configured, release: what is to be done?")
        if alone is not None and body[alone] is not True:
            raise BadRequest(f"{alone}: must be true")
        state = self._store.aspect(ROUTING, id) or {}
        with self._store.transaction("auto-route changed at the panel") as tx:
            if alone is None:
                tx.attach(ROUTE, id, route_to_json(_changed(route_of(self._store, self._defaults, id), body)))
            elif alone == "as_configured":
                tx.attach(ROUTE, id, None)
            if state and (alone is not None or "mode" in body):
                tx.attach(ROUTING, id, {**state, "manual": False, "home": None})
        return self._answer({"route": route_item(self._store, self._defaults, id).to_json()})

    # ---- presets

    def presets(self, _request: Request) -> Answer:
        """All of them whole, as ``import`` takes them."""
        return self._answer({"presets": presets.exported(self._store.aspects(PRESET), self._menu.receiver)})

    def save(self, request: Request) -> Answer:
        """``{"name"}``: what every receiver shows now; one of that name is replaced."""
        name = presets.name_in(self._operated(request, "name"), "name")
        preset = presets.taken_down(self._menu.receivers, format_tai(self._clock.tai_ns()))
        presets.check_room({**self._store.aspects(PRESET), name: preset})
        self._attach("preset saved", PRESET, name, preset)
        return self.settings(request)

    def recall(self, request: Request) -> Awaitable[Answer]:
        """``{"name"}``: give every receiver what it had. ``taken`` says how many changed, ``failed`` which did not."""
        name, preset = self._named(self._operated(request, "name"))
        wanted = presets.to_take(preset, self._menu.receiver)
        return self._recalled(name, preset, wanted)

    async def _recalled(self, name: str, preset: JSON, wanted: Mapping[str, str | None]) -> Answer:
        jobs = {id: _job(self._panel, id, sender_id) for id, sender_id in wanted.items()}
        failed = await self._together(jobs)
        body = {
            "name": name,
            "taken": len(wanted) - len(failed),
            "failed": [
                {"receiver_id": id, "label": preset["takes"][id].get("receiver", id[:8]), "error": error}
                for id, error in failed.items()
            ],
        }
        return Answer(body, headers=_FRESH, settle=tuple(id for id in wanted if id not in failed))

    def rename(self, request: Request) -> Answer:
        """``{"name", "to"}``."""
        body = self._operated(request, "name", "to")
        name, preset = self._named(body)
        to = presets.name_in(body, "to")
        if to != name and self._store.aspect(PRESET, to) is not None:
            raise Conflict(f"to: there is a preset {to!r} already")
        with self._store.transaction("preset renamed") as tx:
            tx.attach(PRESET, name, None)
            tx.attach(PRESET, to, preset)
        return self.settings(request)

    def delete(self, request: Request) -> Answer:
        """``{"name"}``."""
        name, _ = self._named(self._operated(request, "name"))
        self._attach("preset deleted", PRESET, name, None)
        return self.settings(request)

    def import_(self, request: Request) -> Answer:
        """``{"presets"}`` as they were exported, here or on another box; those of the same name are replaced."""
        body = self._operated(request, "presets", optional=("now",))
        now = format_tai(self._clock.tai_ns())
        found = presets.imported(body["presets"], self._menu.receivers, now)
        presets.check_room({**self._store.aspects(PRESET), **found})
        with self._store.transaction("presets imported") as tx:
            for name, preset in found.items():
                tx.attach(PRESET, name, preset)
        return self.settings(request)

    def _named(self, body: JSON) -> tuple[str, JSON]:
        name = string(body, "name")
        preset = self._store.aspect(PRESET, name)
        if preset is None:
            raise NotFound(f"name: there is no preset {name[:60]!r}")
        return name, preset

    # ---- the lock

    def lock(self, request: Request) -> Answer:
        """``{}``: nothing can be operated at any panel of the box until it is unlocked."""
        trusted_object(request)
        self._attach("locked at the panel", PANEL, LOCK, {"pin": self._pin, "locked": True})
        return self.settings(request)

    def unlock(self, request: Request) -> Awaitable[Answer]:
        """``{"pin"}``, which may be left out where there is none."""
        body = trusted_object(request, optional=("pin",))
        return self._unlocked(request, string(body, "pin") if "pin" in body else "")

    async def _unlocked(self, request: Request, pin: str) -> Answer:
        await self._check_pin(pin, "pin", request)
        self._attach("unlocked at the panel", PANEL, LOCK, {"pin": self._pin, "locked": False})
        return self.settings(request)

    def pin(self, request: Request) -> Awaitable[Answer]:
        """``{"pin", "old"}``: 4 to 12 digits; empty: none any more. ``old`` where there is one already."""
        body = self._operated(request, "pin", optional=("old",))
        new = string(body, "pin")
        if new and not (new.isascii() and new.isdecimal() and SHORTEST_PIN <= len(new) <= LONGEST_PIN):
            raise BadRequest(f"pin: must be {SHORTEST_PIN} to {LONGEST_PIN} digits")
        return self._pin_set(request, new, string(body, "old") if "old" in body else "")

    async def _pin_set(self, request: Request, new: str, old: str) -> Answer:
        await self._check_pin(old, "old", request)
        hashed = await self._secrets.hashed(new) if new else None
        self._attach("PIN changed at the panel", PANEL, LOCK, {"pin": hashed, "locked": self._menu.panel.locked})
        return self.settings(request)

    async def _check_pin(self, pin: str, key: str, request: Request) -> None:
        hashed = self._pin
        if hashed is None:
            return
        self._attempts.begin(request.remote, self._clock.monotonic())
        if not await self._secrets.is_right(pin[: LONGEST_PIN + 1], hashed):
            raise Forbidden(f"{key}: is wrong")
        if self._pin != hashed:
            raise Conflict(f"{key}: the PIN was changed meanwhile")
        self._attempts.succeeded(request.remote)

    @property
    def _pin(self) -> str | None:
        pin: str | None = (self._store.aspect(PANEL, LOCK) or {}).get("pin")
        return pin

    # ---- small things

    def _operated(self, request: Request, *required: str, optional: tuple[str, ...] = ()) -> JSON:
        body = trusted_object(request, required, optional)
        self._panel.check_unlocked()
        return body

    def _attach(self, cause: str, aspect: str, id: str, value: JSON | None) -> None:
        with self._store.transaction(cause) as tx:
            tx.attach(aspect, id, value)

    def _answer(self, body: JSON) -> Answer:
        return Answer({"now": format_tai(self._clock.tai_ns()), **body}, headers=_FRESH)


_ALONE = ("as_configured", "release")


def forget_pin(store: Store) -> None:
    """Unlocked, and without a PIN: what ``panel.forget_pin`` is for."""
    if store.aspect(PANEL, LOCK) is not None:
        with store.transaction("PIN forgotten") as tx:
            tx.attach(PANEL, LOCK, None)


def _job(panel: PanelApi, receiver_id: str, sender_id: str | None) -> Job:
    async def take() -> Answer:
        return await panel.perform(receiver_id, sender_id)

    return take


def _changed(route: RouteConfig, body: JSON) -> RouteConfig:
    """With what ``body`` says otherwise; the configuration's own rules hold here too."""
    whole = {**route_to_json(route), **body}
    number = isinstance(whole["hold_s"], int | float) and not isinstance(whole["hold_s"], bool)
    if whole["mode"] not in ("keep", "follow", "first", "never"):
        raise BadRequest("mode: must be keep, follow, first or never")
    if not number:
        raise BadRequest("hold_s: must be a number of seconds")
    boolean(whole, "back")
    presets.check_rules(whole["rules"])
    changed = route_from_json({**whole, "hold_s": float(whole["hold_s"])})
    for key, reason in route_rules.check("", changed):
        raise BadRequest(f"{key.removeprefix('.')}: {reason}")
    return changed
