"""Takes under way: begun at the panel or by auto-route, and not done yet."""

from __future__ import annotations

from collections.abc import Callable, Iterable

Later = Callable[[Callable[[], None]], object]


class Taking:
    """Which receivers are about to show what. ``show`` makes receivers anew when that changed.

    Most takes are done by the time that anybody could see them, since the source's transport file is known: those are
    not shown at all, so that nothing stands between them and the join.
    """

    def __init__(self, later: Later, show: Callable[[Iterable[str]], None]) -> None:
        self._later, self._show = later, show
        self._under_way: dict[str, list[str | None]] = {}
        self._unseen: set[str] = set()

    def __contains__(self, receiver_id: str) -> bool:
        return receiver_id in self._under_way

    def begin(self, receiver_id: str, sender_id: str | None) -> None:
        takes = self._under_way.setdefault(receiver_id, [])
        takes.append(sender_id)
        if len(takes) > 1:
            self._unseen.discard(receiver_id)
            self._show([receiver_id])
        else:
            self._unseen.add(receiver_id)
            self._later(self._show_unseen)

    def end(self, receiver_id: str, sender_id: str | None) -> None:
        takes = self._under_way[receiver_id]
        takes.remove(sender_id)
        if not takes:
            del self._under_way[receiver_id]
        if receiver_id not in self._unseen:
            self._show([receiver_id])
        elif not takes:
            self._unseen.discard(receiver_id)

    def shown(self, receiver_id: str) -> list[str | None]:
        """What the receiver is to be shown as changing to, the latest last; nothing where nobody need know."""
        return [] if receiver_id in self._unseen else self._under_way.get(receiver_id, [])

    def _show_unseen(self) -> None:
        unseen, self._unseen = self._unseen, set()
        if unseen:
            self._show(unseen)
