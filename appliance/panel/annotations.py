"""``/panel/annotations``: what the box's owner calls the box and what it has, beyond the configuration: labels,
descriptions, tags, and the services that the node announces. Kept on flash; the Node API shows it with new versions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from appliance.config.identity_rules import MAX_TEXT, service_problems, tag_problem
from appliance.core.store import Store
from appliance.core.types import JSON, Kind
from appliance.errors import BadRequest, NotFound
from appliance.nmos.is04.edits import LABEL_ASPECT, SERVICES_ASPECT, TAGS_ASPECT, edited
from appliance.panel.requests import shown_text, string, trusted_object
from appliance.panel.text import MAX_LABEL, MAX_SENTENCE, clean
from appliance.web.messages import Answer, Request
from appliance.web.site import Site

PATH = "/panel/annotations"
MAX_TAGS = 32
MAX_VALUES = 16
MAX_SERVICES = 16
_TEXTS = {"label": MAX_LABEL, "description": MAX_SENTENCE}
_SERVICE_KEYS = ("href", "type", "authorization")


class AnnotationApi:
    """``restore`` gives every resource what it now has by configuration and by what was edited; ``check_unlocked``
    raises where the panel is locked."""

    def __init__(self, store: Store, restore: Callable[[], None], check_unlocked: Callable[[], None]) -> None:
        self._store, self._restore, self._check_unlocked = store, restore, check_unlocked

    def declare(self, site: Site) -> None:
        site.route(PATH, get=self.read, post=self.edit)
        site.route("/panel/label", post=self.edit)

    def read(self, request: Request) -> Answer:
        """With ``id``: what the resource shows now, and in ``edited`` what of that was set here."""
        id = request.query.get("id")
        if id is None:
            raise BadRequest("id: is missing")
        self._kind_of(id)
        return self._answer(id)

    def edit(self, request: Request) -> Answer:
        """``{"id", "label"?, "description"?, "tags"?, "services"?}``. An empty text, and null for tags, for one of them
        or for services: as configured."""
        body = trusted_object(request, required=("id",), optional=(*_TEXTS, "tags", "services"))
        self._check_unlocked()
        id = string(body, "id")
        kind = self._kind_of(id)
        edits: dict[str, JSON | None] = {}
        if _TEXTS.keys() & body.keys():
            texts = {key: shown_text(body, key, limit) for key, limit in _TEXTS.items() if key in body}
            kept = {**(self._store.aspect(LABEL_ASPECT, id) or {}), **texts}
            edits[LABEL_ASPECT] = {key: text for key, text in kept.items() if text}
        if "tags" in body:
            edits[TAGS_ASPECT] = _tags(body["tags"], self._store.aspect(TAGS_ASPECT, id) or {})
        if "services" in body:
            if kind is not Kind.NODE:
                raise BadRequest("services: only the node has them")
            edits[SERVICES_ASPECT] = None if body["services"] is None else {"services": _services(body["services"])}
        if not edits:
            raise BadRequest("label: is missing, as are description, tags and services")
        self._write(kind, id, edits)
        return self._answer(id)

    def _write(self, kind: Kind, id: str, edits: dict[str, JSON | None]) -> None:
        taken_back = False
        with self._store.transaction("annotated at the panel") as tx:
            for aspect, value in edits.items():
                before = tx.aspect(aspect, id) or {}
                taken_back |= not before.keys() <= (value or {}).keys()
                tx.attach(aspect, id, value or None)
            tx.put(kind, edited(self._store.get(kind, id) or {}, tx.aspect))
        if taken_back:  # what the configuration says instead
            self._restore()

    def _kind_of(self, id: str) -> Kind:
        kind = next((kind for kind in Kind if self._store.get(kind, id) is not None), None)
        if kind is None:
            raise NotFound(f"id: nothing on this box has the id {clean(id, 60)!r}")
        return kind

    def _answer(self, id: str) -> Answer:
        resource = self._store.get(self._kind_of(id), id) or {}
        shown = {key: resource[key] for key in ("id", *_TEXTS, "tags", "services") if key in resource}
        texts, services = self._store.aspect(LABEL_ASPECT, id) or {}, self._store.aspect(SERVICES_ASPECT, id) or {}
        tags = self._store.aspect(TAGS_ASPECT, id)
        own = {**texts, **({"tags": tags} if tags else {}), **services}
        return Answer({**shown, "edited": own}, headers={"Cache-Control": "no-store"})


def _tags(given: Any, before: JSON) -> JSON | None:
    if given is None:
        return None
    if not isinstance(given, dict):
        raise BadRequest("tags: must be an object")
    for name, values in given.items():
        if problem := tag_problem(name):
            raise BadRequest(f"tags.{clean(name, 60)}: {problem}")
        if values is not None and not _is_values(values):
            reason = f"must be a list of at most {MAX_VALUES} texts of at most {MAX_TEXT} printable characters, or null"
            raise BadRequest(f"tags.{clean(name, 60)}: {reason}")
    kept = {name: values for name, values in {**before, **given}.items() if values is not None}
    if len(kept) > MAX_TAGS:
        raise BadRequest(f"tags: at most {MAX_TAGS} can be set here")
    return kept


def _is_values(values: Any) -> bool:
    return (
        isinstance(values, list)
        and len(values) <= MAX_VALUES
        and all(isinstance(value, str) and len(value) <= MAX_TEXT and value.isprintable() for value in values)
    )


def _services(given: Any) -> list[JSON]:
    if not isinstance(given, list) or len(given) > MAX_SERVICES:
        raise BadRequest(f"services: must be a list of at most {MAX_SERVICES}, or null")
    return [_service(f"services[{index}]", service) for index, service in enumerate(given)]


def _service(key: str, given: Any) -> JSON:
    if not isinstance(given, dict):
        raise BadRequest(f"{key}: must be an object")
    for unknown in given.keys() - set(_SERVICE_KEYS):
        raise BadRequest(f"{key}.{clean(unknown, 60)}: is not known here; expected {', '.join(_SERVICE_KEYS)}")
    service = {"authorization": False, **given}
    for name in ("href", "type"):
        if not isinstance(service.get(name), str):
            raise BadRequest(f"{key}.{name}: must be a string")
    if not isinstance(service["authorization"], bool):
        raise BadRequest(f"{key}.authorization: must be true or false")
    if "{" in service["href"]:  # only the configuration has a placeholder
        raise BadRequest(f"{key}.href: must be an absolute URL")
    for name, why in service_problems(service["href"], service["type"]):
        raise BadRequest(f"{key}.{name}: {why}")
    return service
