"""Stable identities: every UUID of this box follows from one seed and the names in the configuration.

The seed is made once and kept in the state directory, so ids survive reboots, reinstalls and reordering of the
configuration; renaming a sender (its ``name``, not its label) is what makes it a new one. Version 5 UUIDs match the
pattern of the IS-04 schemas, which admits versions 1 to 5 only.
"""

from __future__ import annotations

import uuid
from sys import intern

from appliance.core.types import Kind


class Identities:
    """Ids derived from ``seed``; the same names give the same id for ever."""

    def __init__(self, seed: uuid.UUID) -> None:
        self.seed = seed
        self._known: dict[tuple[str, ...], str] = {}

    def of(self, kind: Kind, *names: str) -> str:
        """The id of the resource of ``kind`` that the configuration calls ``names`` (none for the node itself)."""
        key = (kind.value, *names)
        id = self._known.get(key)
        if id is None:  # made once: every change of the network asks for all of them again
            id = self._known[key] = intern(str(uuid.uuid5(self.seed, "\x1f".join(key))))  # as what was kept
        return id
