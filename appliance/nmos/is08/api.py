"""The routes of the IS-08 Channel Mapping API v1.0: /x-nmos/channelmapping/ and all below it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, TypeAlias

from appliance.core.store import Store
from appliance.core.types import JSON, Kind
from appliance.nmos.is08.channelmap import ASPECT, LAST_ASPECT, ChannelMap
from appliance.nmos.is08.matrix import Input, Output, Routes
from appliance.web.messages import Answer, Handler, Request
from appliance.web.site import Site

BASE = "/x-nmos/channelmapping"
VERSION = "v1.0"
MIXER = "the mixer"
"""What an answer waits for until a map is applied to the audio (edge/media.py)."""
_LABELS = ((Kind.SENDER.value, None), (Kind.RECEIVER.value, None))
_MAP = ((ASPECT, None), (LAST_ASPECT, None))

_Parts: TypeAlias = dict[str, Callable[[Any], Any]]
"""What there is to GET below an Input or Output, each made from it."""
_Route: TypeAlias = Callable[..., None]
_Find: TypeAlias = Callable[[str], Input | Output]


class ChannelMappingApi:
    """Serves :class:`ChannelMap` over HTTP. The store has the labels of what has none of its own for this."""

    def __init__(self, channels: ChannelMap, store: Store) -> None:
        self._map = channels
        self._store = store
        self._input: _Parts = {
            "properties": self._properties,
            "parent": _parent,
            "channels": _channels,
            "caps": lambda one: {"reordering": one.reordering, "block_size": one.block_size},
        }
        self._output: _Parts = {
            "properties": self._properties,
            "sourceid": lambda one: one.source,
            "channels": _channels,
            "caps": lambda one: {"routable_inputs": self._routable(one)},
        }

    def mount(self, site: Site, only: Callable[[Request], bool] | None = None) -> None:
        """``only``: see :meth:`Site.route`."""
        route: _Route = partial(site.route, only=only)
        route(BASE, get=_listing(f"{VERSION}/"))
        base = f"{BASE}/{VERSION}"
        route(base, get=_listing("inputs/", "map/", "outputs/", "io/"))
        route(f"{base}/io", get=self._io)
        channels = self._map
        self._mount(route, f"{base}/inputs", lambda: channels.matrix.inputs, channels.input, self._input)
        self._mount(route, f"{base}/outputs", lambda: channels.matrix.outputs, channels.output, self._output)
        route(f"{base}/map", get=_listing("activations/", "active/"))
        route(f"{base}/map/active", get=self._active)
        route(f"{base}/map/active/<id>", get=self._active_output)
        route(f"{base}/map/activations", get=self._pending, post=self._activate)
        route(f"{base}/map/activations/<id>", get=self._one_pending, delete=self._cancel)

    def _mount(self, route: _Route, base: str, ids: Callable[[], Iterable[str]], find: _Find, parts: _Parts) -> None:
        def show(part: Callable[[Any], Any]) -> Handler:
            return lambda request: Answer(part(find(request.params["id"])))

        route(base, get=lambda request: Answer([f"{id}/" for id in ids()]))
        route(f"{base}/<id>", get=show(lambda one: [f"{name}/" for name in parts]))
        for name, part in parts.items():
            route(f"{base}/<id>/{name}", get=show(part))

    # ---- inputs and outputs

    def _io(self, _request: Request) -> Answer:
        matrix = self._map.matrix
        body = {
            "inputs": {
                id: {name: show(one) for name, show in self._input.items()} for id, one in matrix.inputs.items()
            },
            "outputs": {
                id: {"source_id" if name == "sourceid" else name: show(one) for name, show in self._output.items()}
                for id, one in matrix.outputs.items()
            },
        }
        return Answer(body, depends=_LABELS)

    def _properties(self, one: Input | Output) -> JSON:
        owner = self._store.get(*one.owner) or {}
        return {"name": one.label or owner.get("label") or one.id, "description": one.description}

    def _routable(self, output: Output) -> list[str | None] | None:
        if output.routable is None:
            return None
        return [*(id for id in self._map.matrix.inputs if id in output.routable), None]

    # ---- the map

    def _active(self, _request: Request) -> Answer:
        outputs = self._map.matrix.outputs.values()
        body = {
            "activation": self._map.last_activation(),
            "map": {output.id: _entries(self._map.routes(output)) for output in outputs},
        }
        return Answer(body, depends=_MAP)

    def _active_output(self, request: Request) -> Answer:
        output = self._map.output(request.params["id"])
        body = {"activation": self._map.last_activation(), "map": {output.id: _entries(self._map.routes(output))}}
        return Answer(body, depends=_MAP)

    def _pending(self, _request: Request) -> Answer:
        return Answer({id: pending.to_json() for id, pending in self._map.all_pending().items()})

    def _one_pending(self, request: Request) -> Answer:
        return Answer(self._map.pending(request.params["id"]).to_json())

    def _activate(self, request: Request) -> Answer:
        status, id, activation = self._map.activate(request.json_object())
        return Answer({id: activation.to_json()}, status, settle=(MIXER,) if status == 200 else ())

    def _cancel(self, request: Request) -> Answer:
        self._map.cancel(request.params["id"])
        return Answer(b"", 204)


def _listing(*names: str) -> Handler:
    return lambda request: Answer(names)


def _parent(one: Input) -> JSON:
    """IS-08 Behaviour - Receiver / Source and Input Relationship. Which source a stream comes from it does not say,
    so it is the receiver. What is captured here comes from neither; nor does a sum, which would be one of its own."""
    id = one.receiver
    return {"id": id, "type": None if id is None else "receiver"}


def _channels(one: Input | Output) -> list[JSON]:
    return [{"label": label} for label in one.channels]


def _entries(routes: Routes) -> JSON:
    return {
        str(channel): {"input": route[0] if route else None, "channel_index": route[1] if route else None}
        for channel, route in enumerate(routes)
    }
