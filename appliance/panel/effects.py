"""What a key leads to outside the panel: something to be done by the box, something to be told, or leaving."""

from __future__ import annotations

from dataclasses import dataclass

from appliance.core.types import JSON


@dataclass(frozen=True, slots=True)
class Take:
    """Do this take; ``sender_id`` ``None``: off. ``label`` is what it is called."""

    receiver_id: str
    sender_id: str | None
    label: str

    @property
    def path(self) -> str:
        return "/panel/take"

    @property
    def body(self) -> JSON:
        return {"receiver_id": self.receiver_id, "sender_id": self.sender_id}


@dataclass(frozen=True, slots=True)
class Do:
    """Post ``body`` to the box at ``path``; ``label`` says what that is about where it fails."""

    path: str
    body: JSON
    label: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The key cannot do what it should, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Asked:
    """The same key once more does it; any other does not."""

    reason: str


@dataclass(frozen=True, slots=True)
class Quit:
    """Leave the panel."""


Effect = Take | Do | Refused | Asked | Quit | None
