"""Those who want to hear of a changed network."""

from __future__ import annotations

from collections.abc import Callable

from appliance.network.model import NetworkState, StateListener


class Listeners:
    """Told in the order in which they were added. One may leave, add another, or cause a new state while being told."""

    def __init__(self) -> None:
        self._listeners: dict[object, StateListener] = {}
        self._latest: NetworkState | None = None

    def add(self, listener: StateListener) -> Callable[[], None]:
        """Returns what removes it again; that may be called more than once."""
        ticket = object()
        self._listeners[ticket] = listener

        def remove() -> None:
            self._listeners.pop(ticket, None)

        return remove

    def tell(self, state: NetworkState) -> None:
        """Tell everybody, but stop where a listener's doing made this state old: all have heard the newer one."""
        self._latest = state
        for ticket, listener in list(self._listeners.items()):
            if ticket in self._listeners and self._latest is state:
                listener(state)
