"""``/panel/explain``: one receiver in sentences: what it shows, by which interface and why, what else could be, and
what lies in the way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Protocol

from appliance.core.store import Store
from appliance.core.types import JSON, Kind
from appliance.errors import BadRequest, NotFound
from appliance.network.model import NetworkState, Role
from appliance.network.policy import Choice, Question, Refusal, obstacle
from appliance.nmos.caps.match import LABEL, enabled_sets, satisfied_sets
from appliance.nmos.is05.endpoint import Endpoint
from appliance.nmos.is05.receiverfile import origin_of
from appliance.nmos.is05.schemas import ip_version
from appliance.panel.items import Fit, ReceiverItem
from appliance.panel.menu import MenuModel
from appliance.panel.text import clean
from appliance.web.messages import Answer, Request
from appliance.web.site import Site

PATH = "/panel/explain"


class LiveNetwork(Protocol):
    """The network as the policy sees it."""

    @property
    def state(self) -> NetworkState: ...

    def choose(self, question: Question) -> Choice | Refusal: ...


class Inspector(Protocol):
    """What lies in a stream's way, read now."""

    def traps(self, id: str) -> tuple[str, ...]: ...
    def hints(self, id: str) -> tuple[str, ...]: ...
    def host_traps(self) -> tuple[str, ...]: ...


class ExplainApi:
    """The handler; ``declare`` puts it on a site. ``endpoints`` are those of IS-05, by id."""

    def __init__(
        self,
        menu: MenuModel,
        store: Store,
        endpoints: Mapping[str, Endpoint],
        network: LiveNetwork,
        inspector: Inspector,
    ) -> None:
        self._menu, self._store, self._endpoints = menu, store, endpoints
        self._network, self._inspector = network, inspector

    def declare(self, site: Site) -> None:
        site.route(PATH, get=self.explain)

    def explain(self, request: Request) -> Answer:
        """With ``receiver``, an id: ``sentences`` for people, and the same in parts; with ``sender``, too, whether that
        would fit."""
        id = request.query.get("receiver")
        if id is None:
            raise BadRequest("receiver: is missing")
        item = self._menu.receiver(id)
        if item is None or id not in self._endpoints:
            raise NotFound(f"receiver: this box has no receiver {clean(id, 60)!r}")
        legs = self._legs(id) if item.enabled else []
        traps = [*(self._inspector.traps(id) if item.enabled else ()), *self._inspector.host_traps()]
        hints = list(self._inspector.hints(id)) if item.enabled else []
        body: JSON = {"receiver": item.to_json(), "legs": legs, "traps": traps, "hints": hints}
        body["sentences"] = _sentences(item, legs, list(self._capabilities(id, item.label, request)), traps, hints)
        if notice := (self._store.aspect("connection", id) or {}).get("notice"):
            body["sentences"].append(f"{item.label}: {notice}.")
        return Answer(body, headers={"Cache-Control": "no-store"})

    def _capabilities(self, id: str, label: str, request: Request) -> Iterator[str]:
        caps = (self._store.get(Kind.RECEIVER, id) or {}).get("caps", {})
        sets = [str(one.get(LABEL, "a kind of stream without a name")) for one in enabled_sets(caps)]
        yield f"{label} can take: {'; '.join(sets)}."
        sender = request.query.get("sender")
        if sender is not None:
            source = self._menu.source(sender)
            if source is None:
                raise NotFound(f"sender: no source {clean(sender, 60)!r} is known")
            if source.absent:
                raise NotFound(f"sender: {source.label} is not on the network")
            best = next((one.get(LABEL) for one in satisfied_sets(self._menu.stream(sender), caps)), None)
            yield _fit(source.label, self._menu.fit(sender, id), best)

    def _legs(self, id: str) -> list[JSON]:
        endpoint = self._endpoints[id]
        connection: Mapping[str, Any] = self._store.aspect("connection", id) or {}
        active = connection["active"]
        if not endpoint.transport.is_rtp:
            return []
        origin = origin_of((active.get("transport_file") or {}).get("data"))
        return [
            self._leg(endpoint, index, leg, reason, None if index else origin)
            for index, (leg, reason) in enumerate(zip(active["transport_params"], connection["reason"], strict=True))
        ]

    def _leg(self, endpoint: Endpoint, index: int, leg: JSON, reason: str, origin: str | None) -> JSON:
        owner = self._network.state.owner_of(leg["interface_ip"])
        used = owner.name if owner else None
        source = leg["source_ip"] or origin
        allowed = endpoint.legs[index].interfaces or self._network.state.media
        question = Question(Role.RECEIVER, destination=leg.get("multicast_ip"), source=source)
        return {
            "enabled": leg["rtp_enabled"],
            "interface": used,
            "interface_ip": leg["interface_ip"],
            "destination": leg.get("multicast_ip") or leg["interface_ip"],
            "port": leg["destination_port"],
            "source": source,
            "reason": reason,
            "others": [self._other(question, name) for name in allowed if name != used],
        }

    def _other(self, question: Question, name: str) -> JSON:
        """Whether the leg could use this one, and what would speak for it or does against it."""
        answer = self._network.choose(replace(question, allowed=(name,)))
        if isinstance(answer, Choice):
            return {"interface": name, "usable": True, "reason": answer.reason.removeprefix(f"{name}: ")}
        ip = question.destination or question.source
        version = ip_version(ip) if ip else None
        why = obstacle(self._network.state.interfaces.get(name), version, question.destination)
        return {"interface": name, "usable": False, "reason": f"it {why}" if why else answer.reason}


def _sentences(
    item: ReceiverItem, legs: list[JSON], capabilities: list[str], traps: list[str], hints: list[str]
) -> list[str]:
    said = [_what(item)]
    for number, leg in enumerate(legs, 1):
        which = f"Leg {number}" if len(legs) > 1 else "It"
        if not leg["enabled"]:
            said.append(f"{which} is off.")
            continue
        source = f" from {leg['source']}" if leg["source"] else ""
        said.append(f"{which} takes {leg['destination']} port {leg['port']}{source} on {leg['reason']}.")
        said += [_other(other) for other in leg["others"]]
    said += capabilities
    return [*said, *(f"Trap: {_ended(trap)}" for trap in traps), *(f"Hint: {_ended(hint)}" for hint in hints)]


def _fit(label: str, fit: Fit, best: str | None) -> str:
    """Whether the source of that label would fit, and as which of the receiver's constraint sets."""
    if fit.verdict == "yes":
        return f"{label} fits{f', as {best}' if best else ''}."
    return f"{label} {'does not fit' if fit.verdict == 'no' else 'may fit'}: {fit.reason}."


def _what(item: ReceiverItem) -> str:
    if not item.enabled:
        return f"{item.label} is off."
    shown = f"{item.label} shows {item.shows or 'a stream that nobody named'}"
    if item.fault:
        return f"{shown}, but there is a fault: {_ended(item.fault)}"
    if item.lost_since is not None:
        return f"{shown}, whose source is lost."
    return f"{shown}, but nothing of it arrives." if item.signal is False else f"{shown}."


def _other(other: JSON) -> str:
    if other["usable"]:
        return f"{other['interface']} could be used too: {_ended(other['reason'])}"
    return f"{other['interface']} cannot be used: {_ended(other['reason'])}"


def _ended(sentence: str) -> str:
    return sentence if sentence.endswith(".") else f"{sentence}."
