"""Takes: a receiver of this box gets a sender from anywhere, at once.

What it takes is the sender's transport file, from this box itself or over the network, and then an immediate activation
like any controller's. Events have no such file: a receiver of events gets what the sender's Connection API says is
active. While either is on its way somebody may choose again: the last choice wins, whatever order the
answers come in.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from appliance.core.store import Store
from appliance.core.types import JSON, Kind
from appliance.discovery.world import World
from appliance.errors import Conflict, NotFound
from appliance.nmos.is05.connections import Connections, Outcome
from appliance.nmos.is05.transportfile import TransportFiles
from appliance.web.messages import Answer, Request

Manifest = Callable[[str], Awaitable[str]]
"""The transport file of a known sender by its id; raises ApplianceError."""
ManifestAt = Callable[[str, str, str], Awaitable[str]]
"""The same by its manifest_href, the id of the sender and the address of whoever asks for it."""
ActiveLeg = Callable[[str], Awaitable[JSON]]
"""The active leg of a known sender of events by its id; raises ApplianceError."""


class Takes:
    """``manifest_of`` fetches by sender id (known peers only), ``manifest_at`` by URL (a controller's PUT /target)."""

    def __init__(
        self,
        store: Store,
        world: World,
        connections: Connections,
        files: TransportFiles,
        manifest_of: Manifest,
        manifest_at: ManifestAt,
        leg_of: ActiveLeg,
    ) -> None:
        self._store = store
        self._world = world
        self._connections = connections
        self._files = files
        self._manifest_of = manifest_of
        self._manifest_at = manifest_at
        self._leg_of = leg_of
        self._latest: dict[str, int] = {}

    async def take(self, receiver_id: str, sender_id: str | None) -> Answer:
        """The panel's take: a known sender, or ``None`` for off."""
        receiver = self._connections.endpoint(Kind.RECEIVER, receiver_id)
        turn = self._begin(receiver_id)
        if sender_id is None:
            return _taken(receiver_id, None, self._connections.release(receiver_id))
        own = self._store.get(Kind.SENDER, sender_id)
        if own is not None and not receiver.transport.is_rtp:
            sender = self._connections.endpoint(Kind.SENDER, sender_id)
            (leg,) = self._connections.connection(sender)["active"]["transport_params"]
            return _taken(receiver_id, sender_id, self._connections.listen(receiver_id, own, leg))
        if own is not None:
            outcome = self._connections.take(receiver_id, own, self._own_file(sender_id))
            return _taken(receiver_id, sender_id, outcome)
        entry = self._world.entries.get(sender_id)
        if entry is None:
            raise NotFound(f"sender_id: no sender {sender_id[:64]} is known")
        if not receiver.transport.is_rtp:
            leg = await self._leg_of(sender_id)
            self._check_latest(receiver_id, turn)
            return _taken(receiver_id, sender_id, self._connections.listen(receiver_id, entry.sender, leg))
        sdp = await self._manifest_of(sender_id)
        self._check_latest(receiver_id, turn)
        return _taken(receiver_id, sender_id, self._connections.take(receiver_id, entry.sender, sdp))

    async def target(self, receiver_id: str, request: Request) -> Answer:
        """IS-04's PUT /receivers/{id}/target: 202 with what was asked for, which the Node API has checked."""
        sender = request.json_object()
        self._connections.check_target(receiver_id)  # before anybody is asked for the file
        turn = self._begin(receiver_id)
        sdp = await self._file_of(sender, request.remote) if sender else None
        self._check_latest(receiver_id, turn)
        self._connections.target(receiver_id, sender, sdp)
        return Answer(sender, 202, settle=(receiver_id,))

    async def _file_of(self, sender: JSON, remote: str) -> str | None:
        id, href = sender["id"], sender["manifest_href"]
        if self._store.get(Kind.SENDER, id) is not None:
            return self._own_file(id)
        return None if href is None else await self._manifest_at(href, id, remote)

    def _own_file(self, sender_id: str) -> str:
        return self._files.sdp(self._connections.endpoint(Kind.SENDER, sender_id))

    def _begin(self, receiver_id: str) -> int:
        self._latest[receiver_id] = turn = self._latest.get(receiver_id, 0) + 1
        return turn

    def _check_latest(self, receiver_id: str, turn: int) -> None:
        if self._latest[receiver_id] != turn:
            raise Conflict("another source was chosen for this receiver meanwhile")


def _taken(receiver_id: str, sender_id: str | None, outcome: Outcome) -> Answer:
    body = {"receiver_id": receiver_id, "sender_id": sender_id, "activation": outcome.staged["activation"]}
    return Answer(body, settle=(receiver_id,))
