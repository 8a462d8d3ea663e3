"""JSON Schemas for what requests carry: compiled by fastjsonschema when first needed, errors that name the key.

Compiling takes milliseconds and importing the compiler tens of them, so callers keep what :func:`compiled` returns and
call it when there is time, or with the first request.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from appliance.core.types import JSON
from appliance.errors import BadRequest

Validate: TypeAlias = Callable[[Any], None]
"""Raises :class:`BadRequest` naming the key."""

UUID = "^[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"
MAX_MESSAGE = 300

_DRAFT = "http://json-schema.org/draft-04/schema#"
_MEANINGS = {UUID: "a UUID in lower case, of version 1 to 5"}


def compiled(
    schema: JSON,
    *,
    formats: Mapping[str, Callable[[str], bool]] | None = None,
    meanings: Mapping[str, str] | None = None,
) -> Validate:
    """A validator. The name of a format, or a pattern's in ``meanings``, is what a message says the value must be."""
    import fastjsonschema

    check = fastjsonschema.compile({"$schema": _DRAFT, **schema}, formats=dict(formats or {}))
    patterns = {**_MEANINGS, **(meanings or {})}

    def validate(body: Any) -> None:
        try:
            check(body)
        except fastjsonschema.JsonSchemaValueException as error:
            raise BadRequest(_explanation(error, patterns)[:MAX_MESSAGE]) from None

    return validate


def _explanation(error: Any, patterns: Mapping[str, str]) -> str:
    """The key, and what is wrong with it, of a ``fastjsonschema.JsonSchemaValueException``."""
    where = error.name.removeprefix("data").removeprefix(".")
    if error.rule == "additionalProperties":
        known = error.definition["properties"]
        unknown = next(key for key in error.value if key not in known)
        return f"{where + '.' if where else ''}{unknown}: is not a parameter here; known are {', '.join(known)}"
    if error.rule == "required":
        missing = next(key for key in error.definition["required"] if key not in error.value)
        return f"{where + '.' if where else ''}{missing}: is needed"
    problem = error.message.removeprefix(error.name).strip()
    if error.rule == "pattern":
        pattern = error.definition["pattern"]
        problem = f"must be {patterns.get(pattern, 'like ' + pattern)}"
    return f"{where}: {problem}" if where else f"the body {problem}"
