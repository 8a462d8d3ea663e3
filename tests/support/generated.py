"""Documents made up from a JSON Schema: those that it allows, as far as it is of the simple kind that AMWA's are."""

import random
from collections.abc import Callable, Mapping
from typing import Any, cast

from tests.support.specs import validator

_TEXTS = ("", "x", "auto", "239.1.2.3", "10.77.1.9", "fd00::1", "0:5000000", "eth0", "application/sdp", "Zoë")
_LATEST_DEPTH = 12


def documents(spec: str, version: str, schema_name: str, ids: tuple[str, ...]) -> Callable[[random.Random], Any]:
    """Makes one after the other; where an id fits, often one of ``ids``."""
    schema = cast("Mapping[str, Any]", validator(spec, version, schema_name).schema)
    return lambda chance: _Maker(chance, schema, ids).make(schema, 0)


class _Maker:
    def __init__(self, chance: random.Random, root: Mapping[str, Any], ids: tuple[str, ...]) -> None:
        self._chance, self._root, self._ids = chance, root, ids

    def make(self, schema: Mapping[str, Any], depth: int) -> Any:  # noqa: C901, PLR0911 - a keyword of the language each
        chance = self._chance
        if "$ref" in schema:
            return self.make(self._referred(schema["$ref"]), depth + 1)
        if "enum" in schema:
            return chance.choice(schema["enum"])
        for several in ("anyOf", "oneOf"):
            if several in schema:
                rest = {key: value for key, value in schema.items() if key != several}
                return self._together([rest, chance.choice(schema[several])], depth)
        if "allOf" in schema:
            rest = {key: value for key, value in schema.items() if key != "allOf"}
            return self._together([rest, *schema["allOf"]], depth)
        kind = schema.get("type", "object" if "properties" in schema else "string")
        match chance.choice(kind) if isinstance(kind, list) else kind:
            case "object":
                return self._object(schema, depth)
            case "array":
                items = schema.get("items", {})
                most = 0 if depth > _LATEST_DEPTH else chance.randrange(schema.get("minItems", 0), 4)
                return [self.make(items if isinstance(items, dict) else {}, depth + 1) for _ in range(most)]
            case "integer" | "number":
                return chance.choice((schema.get("minimum", 0), schema.get("maximum", 9), chance.randrange(70_000)))
            case "boolean":
                return chance.random() < 0.5
            case "null":
                return None
        return self._text(schema)

    def _together(self, schemas: list[Mapping[str, Any]], depth: int) -> Any:
        made = [
            self.make(schema, depth + 1) for schema in schemas if schema.keys() - {"title", "description", "$schema"}
        ]
        parts = [part for part in made if isinstance(part, dict)]
        return {key: value for part in parts for key, value in part.items()} if parts else made[-1] if made else None

    def _object(self, schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
        chance, required = self._chance, schema.get("required", ())
        likely = 0.5 if depth < _LATEST_DEPTH else 0.0
        found = {
            name: self.make(part, depth + 1)
            for name, part in schema.get("properties", {}).items()
            if name in required or chance.random() < likely
        }
        for pattern, part in schema.get("patternProperties", {}).items():
            if chance.random() < likely:
                found[str(chance.randrange(4)) if "0-9" in pattern else "sink-multicast"] = self.make(part, depth + 1)
        return found

    def _text(self, schema: Mapping[str, Any]) -> str:
        pattern = schema.get("pattern", "")
        if "8" in pattern and "-" in pattern and self._ids:
            return self._chance.choice(self._ids)
        if ":" in pattern and "0-9" in pattern:
            return f"{self._chance.randrange(3)}:{self._chance.randrange(10**9)}"
        return self._chance.choice(_TEXTS)

    def _referred(self, reference: str) -> Mapping[str, Any]:
        place: Any = self._root
        for part in reference.removeprefix("#/").split("/"):
            place = place[part]
        found: Mapping[str, Any] = place
        return found
