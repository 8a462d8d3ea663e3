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


def test_nobody_hears_an_older_state_after_a_newer_one() -> None:
    listeners = Listeners()
    heard: list[int] = []
    older, newer = NetworkState(routes=1), NetworkState(routes=2)
    listeners.add(lambda state: listeners.tell(newer) if state is older else None)
    listeners.add(lambda state: heard.append(state.routes))
    listeners.tell(older)
    assert heard == [2]
