"""Subscriptions: what clients want to hear of (IS-04 Behaviour - Querying).

The same parameters give the same subscription, to any number of clients. One that is not persistent lives until some
time after its last client went; a persistent one until it is deleted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from appliance.core.types import JSON, Kind
from appliance.discovery.catalogue import Catalogue, Turn
from appliance.errors import BadRequest, Conflict, Forbidden, NotFound
from appliance.nmos.query.errors import TooMany
from appliance.nmos.query.grains import Follower
from appliance.nmos.query.query import Shown, subscribed

MAX_SUBSCRIPTIONS = 200
MAX_FOLLOWERS = 100
"""Clients of all subscriptions together."""
UNUSED_S = 60.0
MAX_RATE_MS = 60_000
MAX_PARAMS_CHARS = 10_000
RESOURCE_PATHS = {f"/{kind.plural}": kind for kind in Kind}


class WrongVersion(Conflict):
    """It exists in another API version; ``location`` says where."""

    def __init__(self, message: str, location: str) -> None:
        super().__init__(message)
        self.location = location


@dataclass(slots=True)
class Subscription:
    """One subscription. ``unused_since`` is monotonic, ``None`` while it has clients."""

    id: str
    version: str
    kind: Kind
    params: Mapping[str, Any]
    max_update_rate_ms: int
    persist: bool
    shown: Shown
    created: int
    updated: int
    unused_since: float | None
    followers: list[Follower] = field(default_factory=list)

    def body(self, ws_href: str) -> JSON:
        """As its API version writes it."""
        body: JSON = {
            "id": self.id,
            "ws_href": ws_href,
            "max_update_rate_ms": self.max_update_rate_ms,
            "persist": self.persist,
            "resource_path": f"/{self.kind.plural}",
            "params": dict(self.params),
        }
        if self.version != "v1.0":
            body["secure"] = False
        if self.version not in ("v1.0", "v1.1", "v1.2"):
            body["authorization"] = False
        return body


class Subscriptions:
    """All of them. ``new_id`` makes UUIDs, ``tai_ns`` tells the time of day."""

    def __init__(
        self, catalogue: Catalogue, source_id: str, new_id: Callable[[], str], tai_ns: Callable[[], int]
    ) -> None:
        self._catalogue = catalogue
        self._source_id = source_id
        self._new_id = new_id
        self._tai_ns = tai_ns
        self._all: dict[str, Subscription] = {}
        self._stamp = 0
        catalogue.subscribe(self._on_turns)

    def of(self, version: str) -> Sequence[Subscription]:
        """Those of one version: there are no translations of them (Upgrade Path, Requirements for Registries)."""
        return [subscription for subscription in self._all.values() if subscription.version == version]

    def get(self, version: str, id: str) -> Subscription:
        subscription = self._all.get(id)
        if subscription is None:
            raise NotFound(f"there is no subscription {id[:64]}")
        if subscription.version != version:
            location = f"/x-nmos/query/{subscription.version}/subscriptions/{id}"
            raise WrongVersion(f"this subscription belongs to {subscription.version}: {location}", location)
        return subscription

    def create(self, now: float, version: str, wanted: JSON) -> tuple[Subscription, bool]:
        """The subscription for a POSTed body, and whether it is new."""
        kind, rate, persist, params = _read(wanted, version)
        shown = subscribed(self._catalogue, version, params)
        self._forget_unused(now)
        for known in self.of(version):
            if (known.kind, known.max_update_rate_ms, known.persist, known.params) == (kind, rate, persist, params):
                if known.unused_since is not None:
                    known.unused_since = now
                return known, False
        if len(self._all) >= MAX_SUBSCRIPTIONS:
            raise TooMany(f"there are {MAX_SUBSCRIPTIONS} subscriptions already")
        self._stamp = max(self._tai_ns(), self._stamp + 1)
        new = Subscription(
            self._new_id(), version, kind, params, rate, persist, shown, self._stamp, self._stamp, unused_since=now
        )
        self._all[new.id] = new
        return new, True

    def delete(self, version: str, id: str) -> None:
        """End a persistent one, and its clients with it; the others are not the clients' to delete."""
        subscription = self.get(version, id)
        if not subscription.persist:
            raise Forbidden("a subscription that is not persistent ends by itself, after its last client has gone")
        del self._all[id]
        for follower in tuple(subscription.followers):
            follower.end()

    def follow(self, version: str, id: str, wake: Callable[[], None]) -> Follower:
        """A new client; ``wake`` is called when there is something for it."""
        subscription = self.get(version, id)
        if sum(len(one.followers) for one in self._all.values()) >= MAX_FOLLOWERS:
            raise TooMany(f"{MAX_FOLLOWERS} clients follow this box already")
        follower = Follower(
            subscription.id,
            subscription.kind,
            self._source_id,
            subscription.shown,
            self._catalogue.all(subscription.kind),
            subscription.max_update_rate_ms / 1000,
            wake,
        )
        subscription.followers.append(follower)
        subscription.unused_since = None
        return follower

    def leave(self, now: float, follower: Follower) -> None:
        """A client has gone."""
        subscription = self._all.get(follower.subscription_id)
        if subscription is not None and follower in subscription.followers:
            subscription.followers.remove(follower)
            subscription.unused_since = None if subscription.followers else now
        self._forget_unused(now)

    def end_followers(self) -> None:
        """Say to every client that it must come again."""
        for subscription in self._all.values():
            for follower in tuple(subscription.followers):
                follower.end()

    def _forget_unused(self, now: float) -> None:
        for subscription in tuple(self._all.values()):
            since = subscription.unused_since
            if since is not None and not subscription.persist and now - since > UNUSED_S:
                del self._all[subscription.id]

    def _on_turns(self, turns: Sequence[Turn]) -> None:
        for subscription in self._all.values():
            if not subscription.followers:
                continue
            for turn in turns:
                if turn.kind is not subscription.kind:
                    continue
                before = None if turn.before is None else subscription.shown(turn.before)
                after = None if turn.after is None else subscription.shown(turn.after)
                for follower in subscription.followers:
                    follower.on_turn(turn.id, before, after)


def _read(wanted: JSON, version: str) -> tuple[Kind, int, bool, Mapping[str, Any]]:
    """What a POST asks for; :class:`BadRequest` names the key that is wrong."""
    for key in ("max_update_rate_ms", "persist", "resource_path", "params"):
        if key not in wanted:
            raise BadRequest(f"{key}: is missing")
    rate, persist, path, params = (wanted[key] for key in ("max_update_rate_ms", "persist", "resource_path", "params"))
    if not isinstance(rate, int) or isinstance(rate, bool) or not 0 <= rate <= MAX_RATE_MS:
        raise BadRequest(f"max_update_rate_ms: must be an integer from 0 to {MAX_RATE_MS}")
    if not isinstance(persist, bool):
        raise BadRequest("persist: must be true or false")
    if not isinstance(path, str) or path not in RESOURCE_PATHS:
        raise BadRequest(f"resource_path: must be one of {', '.join(RESOURCE_PATHS)}")
    if not isinstance(params, dict):
        raise BadRequest("params: must be an object")
    if sum(len(key) + len(str(value)) for key, value in params.items()) > MAX_PARAMS_CHARS:
        raise BadRequest(f"params: over {MAX_PARAMS_CHARS} characters")
    for key in ("secure", "authorization"):
        if wanted.get(key, False) is not False:
            raise BadRequest(f"{key}: must be false: this API is served without")
    return RESOURCE_PATHS[path], rate, persist, params
