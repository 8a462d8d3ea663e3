"""From TOML to a valid :class:`Config`, or every error at once.

The shape of the file is read off the dataclasses of model.py: their fields are the keys, their types what a key may
hold. Whatever does not fit is noted with its key and the reason, and reading goes on; rules.py then says what the
shape alone cannot. A configuration with any problem is refused whole: nothing is repaired or guessed.
"""

from __future__ import annotations

import difflib
import tomllib
import types
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from appliance.config.model import Config
from appliance.config.rules import Problems, check
from appliance.errors import ConfigError

T = TypeVar("T")
MAX_FILE_BYTES = 1024 * 1024
_BAD = object()
"""Stands for a value that could not be read and has been noted."""

_NOUNS: Mapping[type, str] = {str: "a string", int: "a whole number", float: "a number", bool: "true or false"}


def load(path: Path) -> Config:
    """The configuration in a file. :class:`ConfigError` with all that is wrong; OSError where it cannot be read."""
    data = path.read_bytes()
    if len(data) > MAX_FILE_BYTES:
        raise ConfigError([("", f"the file is over {MAX_FILE_BYTES} bytes")])
    try:
        return parse(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise ConfigError([("", f"not UTF-8 at byte {error.start}")]) from None


def parse(text: str) -> Config:
    """The configuration in TOML text. :class:`ConfigError` with all that is wrong."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([("", f"not TOML: {error}")]) from None
    except RecursionError:
        raise ConfigError([("", "not TOML: nested too deeply")]) from None
    problems: Problems = []
    config = _table(Config, document, "", problems)
    if isinstance(config, Config):
        problems += _beyond(check(config), problems)
    if problems or not isinstance(config, Config):
        raise ConfigError(problems)
    return config


def _beyond(found: Problems, known: Problems) -> Problems:
    """What the rules found, but for what follows from a value that has been refused already."""
    refused = [key for key, _ in known]
    tables = {key.partition("[")[0].partition(".")[0] for key in refused}
    return [
        (key, reason)
        for key, reason in found
        if key not in refused and not (reason.startswith("no ") and tables & {"devices", "receivers"})
    ]


@cache
def _hints(cls: type) -> dict[str, Any]:
    return get_type_hints(cls)


def _table(cls: type[T], value: object, key: str, problems: Problems) -> T | object:
    """A dataclass from a TOML table; every problem below it is noted, with its key."""
    if not isinstance(value, dict):
        problems.append((key, f"must be a table, not {_said(value)}"))
        return _BAD
    assert is_dataclass(cls)
    known: dict[str, Field[Any]] = {field.name: field for field in fields(cls)}
    for name in value:
        if name not in known:
            problems.append((_join(key, name), _unknown(name, known)))
    read: dict[str, object] = {}
    for name, field in known.items():
        has_default = field.default is not MISSING or field.default_factory is not MISSING
        if name in value:
            found: Problems = []
            item = _value(_hints(cls)[name], value[name], _join(key, name), found)
            # What dataclasses do not show is a secret: what it is instead of a good one is nobody's business either.
            problems += found if field.repr else [(at, reason.partition(", not ")[0]) for at, reason in found]
            # A default in the place of a bad value, so that the rules can look at all the rest.
            if item is not _BAD or not has_default:
                read[name] = item
        elif not has_default:
            problems.append((_join(key, name), "is missing"))
            read[name] = _BAD
    return _BAD if any(item is _BAD for item in read.values()) else cls(**read)


def _value(hint: Any, value: object, key: str, problems: Problems) -> object:
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        return _union(hint, value, key, problems)
    if origin is Literal or (isinstance(hint, type) and issubclass(hint, StrEnum)):
        return _choice(hint, value, key, problems)
    if origin is tuple:
        return _list(get_args(hint)[0], value, key, problems)
    if origin is dict:
        return _mapping(get_args(hint)[1], value, key, problems)
    if is_dataclass(hint):
        assert isinstance(hint, type)
        return _table(hint, value, key, problems)
    return _scalar(hint, value, key, problems)


def _scalar(hint: type, value: object, key: str, problems: Problems) -> object:
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, hint) and not (isinstance(value, bool) and hint is not bool):
        return value
    problems.append((key, f"must be {_NOUNS[hint]}, not {_said(value)}"))
    return _BAD


def _union(hint: Any, value: object, key: str, problems: Problems) -> object:
    """``X | None`` is an optional key; other unions (``int | "auto"``) take the first member that fits."""
    members = [member for member in get_args(hint) if member is not type(None)]
    tried: Problems = []
    for member in members:
        mine: Problems = []
        read = _value(member, value, key, mine)
        if not mine:
            return read
        tried += mine
    if len(members) == 1:
        problems += tried
        return _BAD
    reasons = " or ".join(dict.fromkeys(reason.removeprefix("must be ").partition(", not ")[0] for _, reason in tried))
    problems.append((key, f"must be {reasons}, not {_said(value)}"))
    return _BAD


def _choice(hint: Any, value: object, key: str, problems: Problems) -> object:
    if isinstance(hint, type):
        choices: dict[object, object] = {member.value: member for member in hint}  # type: ignore[attr-defined]
    else:
        choices = {member: member for member in get_args(hint)}
    if isinstance(value, str) and value in choices:
        return choices[value]
    allowed = " or ".join(f'"{choice}"' for choice in choices)
    problems.append((key, f"must be {allowed}, not {_said(value)}"))
    return _BAD


def _list(hint: Any, value: object, key: str, problems: Problems) -> object:
    if not isinstance(value, list):
        problems.append((key, f"must be a list, not {_said(value)}"))
        return _BAD
    items = [_value(hint, item, f"{key}[{index}]", problems) for index, item in enumerate(value)]
    return _BAD if any(item is _BAD for item in items) else tuple(items)


def _mapping(hint: Any, value: object, key: str, problems: Problems) -> object:
    if not isinstance(value, dict):
        problems.append((key, f"must be a table, not {_said(value)}"))
        return _BAD
    items = {name: _value(hint, item, _join(key, name), problems) for name, item in value.items()}
    return _BAD if any(item is _BAD for item in items.values()) else items


def _unknown(name: str, known: Mapping[str, object]) -> str:
    close = difflib.get_close_matches(name, known, 1)
    return f'there is no such key; "{close[0]}" is meant?' if close else "there is no such key"


def _join(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name


def _said(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "a list"
    return f'"{value[:60]}"' if isinstance(value, str) else str(value)[:60]
