"""Keeps of each favourite what it looks like, so that it is in the menu also when it is not on the network."""

from __future__ import annotations

from appliance.core.store import Store
from appliance.panel.describe import remembered
from appliance.panel.items import MenuChange
from appliance.panel.kept import FAVOURITE
from appliance.panel.menu import MenuModel


def keep_favourites(menu: MenuModel, store: Store) -> None:
    """Follow the menu from now on: nobody says beforehand that he will leave, or be called otherwise."""

    def on_change(change: MenuChange) -> None:
        favourites = store.aspects(FAVOURITE)
        items = [item for id in change.sources if id in favourites and (item := menu.source(id)) is not None]
        different = {item.id: kept for item in items if (kept := remembered(item)) != favourites[item.id]}
        if different:
            with store.transaction("favourites as they are now") as tx:
                for id, kept in different.items():
                    tx.attach(FAVOURITE, id, kept)

    menu.subscribe(on_change)
