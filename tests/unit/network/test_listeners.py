"""Who is told of a changed network."""

from appliance.network.listeners import Listeners
from appliance.network.model import NetworkState


def test_listeners_are_told_in_order_until_they_leave() -> None:
    listeners = Listeners()
    told: list[str] = []
    leave = listeners.add(lambda _: told.append("first"))
    listeners.add(lambda _: told.append("second"))
    listeners.tell(NetworkState())
    leave()
    leave()
    listeners.tell(NetworkState())
    assert told == ["first", "second", "second"]


def test_one_who_leaves_while_others_are_told_hears_no_more() -> None:
    listeners = Listeners()
    told: list[str] = []
    listeners.add(lambda _: leave())
    leave = listeners.add(lambda _: told.append("second"))
    listeners.tell(NetworkState())
    assert not told
