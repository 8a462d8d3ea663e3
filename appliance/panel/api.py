"""The panel's HTTP API, ``/panel/``: the menu, the receivers, the box, a take. Read by this box's own faces.

No CORS: a page from elsewhere cannot read it. And none can make the box do anything either: what changes something must
be JSON (so a plain form cannot be it) and not come from a page of another origin.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from appliance.core.store import Store
from appliance.core.tai import format_tai
from appliance.core.types import JSON, Clock
from appliance.errors import Conflict, Locked, NotFound
from appliance.panel import nodes
from appliance.panel.items import SourceGroup
from appliance.panel.kept import IS_LOCKED
from appliance.panel.menu import MenuModel
from appliance.panel.requests import slice_asked, string, trusted_object
from appliance.web.messages import Answer, Request
from appliance.web.site import Site

DEFAULT_LIMIT = 250
MAX_LIMIT = 500

Take = Callable[[str, str | None], Awaitable[Answer]]
"""``await take(receiver_id, sender_id)``: an immediate activation like any other; ``None`` is off."""

_FRESH = {"Cache-Control": "no-store"}


class PanelApi:
    """The handlers; ``declare`` puts them on a site."""

    def __init__(self, menu: MenuModel, store: Store, clock: Clock, take: Take) -> None:
        self._menu, self._store, self._clock = menu, store, clock
        self._take = take

    def declare(self, site: Site) -> None:
        site.route("/panel/status", get=self.status)
        site.route("/panel/receivers", get=self.receivers)
        site.route("/panel/sources", get=self.sources)
        site.route("/panel/menu", get=self.menu)
        site.route("/panel/peers", get=self.peers)
        site.route("/panel/take", post=self.take)

    # ---- reading

    def status(self, _request: Request) -> Answer:
        return self._answer({"status": self._menu.status.to_json()})

    def receivers(self, _request: Request) -> Answer:
        return self._answer({"receivers": [item.to_json() for item in self._menu.receivers]})

    def sources(self, request: Request) -> Answer:
        """A flat page of the sources; with ``receiver``, each says whether it fits that one."""
        body = self._page(request)
        sources = [source for group in body.pop("groups") for source in group["sources"]]
        return self._answer({**body, "sources": sources})

    def menu(self, request: Request) -> Answer:
        """A page of the sources grouped by device, beside the box and the receiver."""
        body = self._page(request)
        return self._answer({**body, "status": self._menu.status.to_json()})

    def peers(self, request: Request) -> Answer:
        """A page of the other nodes, those with an error first: what is wrong with each, and since when it is lost."""
        offset, limit = slice_asked(request, DEFAULT_LIMIT, MAX_LIMIT)
        peers = nodes.listed(self._menu.peers)
        shown = [nodes.to_json(peer) for peer in peers[offset : offset + limit]]
        return self._answer({"peers": shown, "offset": offset, "total": len(peers)})

    def _page(self, request: Request) -> JSON:
        receiver_id = self._receiver_asked(request)
        offset, limit = slice_asked(request, DEFAULT_LIMIT, MAX_LIMIT)
        menu = self._menu.menu(receiver_id, offset, limit)
        return {
            "receiver": None if menu.receiver is None else menu.receiver.to_json(),
            "groups": [_group(group, menu.fits) for group in menu.groups],
            "offset": offset,
            "total": menu.total,
        }

    def _receiver_asked(self, request: Request) -> str | None:
        receiver_id = request.query.get("receiver")
        if receiver_id is not None and self._menu.receiver(receiver_id) is None:
            raise NotFound(f"receiver: this box has no receiver {receiver_id[:60]!r}")
        return receiver_id

    # ---- changing

    def take(self, request: Request) -> Awaitable[Answer]:
        """``{"receiver_id": ..., "sender_id": ... or null}``: show that source there, or nothing."""
        body = trusted_object(request, required=("receiver_id", "sender_id"))
        receiver_id = string(body, "receiver_id")
        sender_id = None if body["sender_id"] is None else string(body, "sender_id")
        self.check_unlocked()
        return self.perform(receiver_id, sender_id)

    def check_unlocked(self) -> None:
        """:class:`Locked` where the panel is."""
        if self._menu.panel.locked:
            raise Locked(IS_LOCKED)

    def perform(self, receiver_id: str, sender_id: str | None) -> Awaitable[Answer]:
        """A take by the panel, which shows it as pending until it is done; what cannot be is refused before."""
        receiver = self._menu.receiver(receiver_id)
        if receiver is None:
            raise NotFound(f"receiver_id: this box has no receiver {receiver_id[:60]!r}")
        if sender_id is not None:
            source = self._menu.source(sender_id)
            if source is None:
                raise NotFound(f"sender_id: no source {sender_id[:60]!r} is known")
            if source.absent:
                raise NotFound(f"sender_id: {source.label} is not on the network")
            fit = self._menu.fit(sender_id, receiver_id)
            if fit.verdict == "no":
                raise Conflict(f"sender_id: {source.label} does not fit {receiver.label}: {fit.reason}")
        return self._taken(receiver_id, sender_id)

    async def _taken(self, receiver_id: str, sender_id: str | None) -> Answer:
        self._menu.taking.begin(receiver_id, sender_id)
        try:
            answer = await self._take(receiver_id, sender_id)
        finally:
            self._menu.taking.end(receiver_id, sender_id)
        if answer.status >= 400:
            return answer
        item = self._menu.receiver(receiver_id)
        body = {"receiver": None if item is None else item.to_json()}
        return Answer(body, answer.status, headers=_FRESH, settle=answer.settle)

    def _answer(self, body: JSON) -> Answer:
        return Answer({"now": format_tai(self._clock.tai_ns()), **body}, headers=_FRESH)


def _group(group: SourceGroup, fits: Any) -> JSON:
    return {
        "node": group.node.to_json(),
        "device": group.device.to_json(),
        "title": group.title,
        "sources": [item.to_json(fits.get(item.id)) for item in group.sources],
    }
