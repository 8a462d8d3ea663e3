"""Reads what AMWA's RAML files say of an API: its paths, their methods, and the schema of each answer.

Only so much of RAML (and of YAML) as these files use: keys below keys by their indentation, and included schemas.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.specs import specs_folder

METHODS = ("get", "head", "put", "patch", "post", "delete", "options")
_KEY = re.compile(r"( *)([^\s#][^:]*):(?:\s+(.*?))?\s*$")
_INCLUDE = re.compile(r"!include schemas/(\S+)")


@dataclass(slots=True)
class Resource:
    """One path ("/senders/{senderId}", without a last slash). ``schemas``: of each JSON answer by method and status."""

    path: str
    methods: dict[str, set[int]] = field(default_factory=dict)
    schemas: dict[tuple[str, int], str] = field(default_factory=dict)


def resources(spec: str, version: str, api: str) -> list[Resource]:
    """All paths of `resources("is-04", "v1.3", "NodeAPI")`, in the order of the file."""
    types: dict[str, str] = {}
    found: dict[str, Resource] = {}
    for keys, value in _lines(specs_folder() / spec / version / "APIs" / f"{api}.raml"):
        schema = _INCLUDE.match(value)
        if keys[0] == "types" and schema:
            types[keys[-1]] = schema[1]
        paths = [key for key in keys if key.startswith("/")]
        if not paths:
            continue
        path = "".join(paths).rstrip("/")
        resource = found.setdefault(path, Resource(path))
        match keys[len(paths) :]:
            case [method] if method in METHODS:
                resource.methods[method] = set()
            case [method, "responses", status] if method in METHODS:
                resource.methods[method].add(int(status))
            case [method, "responses", status, "body", "type"] if method in METHODS:
                resource.schemas[method, int(status)] = schema[1] if schema else types[value]
    return list(found.values())


def _lines(file: Path) -> Iterator[tuple[list[str], str]]:
    """Each key with those it is below, and what is behind its colon. Texts over several lines are passed over."""
    above: list[tuple[int, str]] = []
    text_below: int | None = None
    for line in file.read_text(encoding="utf-8").splitlines():
        indent = len(line) - len(line.lstrip())
        if not line.strip() or (text_below is not None and indent > text_below):
            continue
        text_below = None
        match = _KEY.match(line)
        if match is None or match[2].startswith("- "):
            continue
        value = match[3] or ""
        while above and above[-1][0] >= indent:
            above.pop()
        above.append((indent, match[2].strip()))
        if value in (">", "|"):
            text_below = indent
        yield [key for _, key in above], value
