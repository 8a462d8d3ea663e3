"""The menu as a face in another process has it: kept equal to the box's by the events of ``/panel/events``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from appliance.core.tai import parse_tai
from appliance.panel.items import BoxStatus, Fit, ReceiverItem, SourceItem
from appliance.panel.kept import PanelItem
from appliance.panel.listing import Listing
from appliance.panel.text import clean

LIT = "●"


class Mirror:
    """Apply every event in order. ``revision`` moves with each; ``now`` is the box's TAI time of the last one.

    A new stream (after a lost connection, or for another receiver) does not empty the menu: what it does not mention
    is dropped when it is ``ready``, so that nothing flickers and the cursor stays where it is.
    """

    def __init__(self) -> None:
        self.status: BoxStatus | None = None
        self.panel = PanelItem()
        self.receivers: dict[str, ReceiverItem] = {}
        self.sources = Listing()
        self.fits: dict[str, Fit] = {}
        self.signals: tuple[str, ...] = ()
        """The lamps that are lit, and the texts that events show."""
        self.ready = False
        self.revision = 0
        self.now = 0
        self._unseen: set[str] = set()

    def apply(self, name: str, data: Mapping[str, Any]) -> None:
        """One event."""
        self.revision += 1
        self.now = parse_tai(data["now"])
        if name == "reset":
            self.receivers = {}
            self._unseen = {item.id for item in self.sources}
        if "status" in data:
            self.status = BoxStatus.from_json(data["status"])
        if "panel" in data:
            self.panel = PanelItem.from_json(data["panel"])
        if "tally" in data:
            lit = [f"{LIT} {clean(lamp['label'])}" for lamp in data["tally"]["lamps"] if lamp["lit"]]
            self.signals = (*lit, *map(clean, data["tally"]["shown"]))
        self._apply_receivers(data)
        self._apply_sources(data)
        if name == "ready":
            self.ready = True
            self._drop(self._unseen)
            self._unseen = set()

    def forget_fits(self) -> None:
        """Another receiver is operated: what fits it will be heard with the next stream."""
        self.revision += 1
        self.fits.clear()

    def _apply_receivers(self, data: Mapping[str, Any]) -> None:
        for body in data.get("receivers", ()):
            item = ReceiverItem.from_json(body)
            self.receivers[item.id] = item
        for id in data.get("receivers_gone", ()):
            self.receivers.pop(id, None)

    def _apply_sources(self, data: Mapping[str, Any]) -> None:
        for body in data.get("sources", ()):
            source = SourceItem.from_json(body)
            self.sources.put(source)
            self._unseen.discard(source.id)
            if fit := body.get("fit"):
                self.fits[source.id] = Fit(fit["verdict"], fit["reason"])
        self._drop(data.get("gone", ()))

    def _drop(self, ids: Any) -> None:
        for id in ids:
            self.sources.remove(id)
            self.fits.pop(id, None)
