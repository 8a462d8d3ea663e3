"""Those who want to hear of a changed network."""

from __future__ import annotations

from collections.abc import Callable

from appliance.network.model import NetworkState, StateListener


class Listeners:
    """Told in the order in which they were added. One may leave, or add another, while being told."""

    def __init__(self) -> None:
        self._listeners: dict[object, StateListener] = {}

    def add(self, listener: StateListener) -> Callable[[], None]:
        """Returns what removes it again; that may be called more than once."""
        ticket = object()
        self._listeners[ticket] = listener

        def remove() -> None:
            self._listeners.pop(ticket, None)

        return remove

    def tell(self, state: NetworkState) -> None:
        for ticket, listener in list(self._listeners.items()):
            if ticket in self._listeners:
                listener(state)
