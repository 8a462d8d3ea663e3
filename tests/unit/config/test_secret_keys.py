"""Keys that hold secrets are known as such: no ``repr``, no error message and no log line has what they hold."""

from collections.abc import Iterator
from dataclasses import Field, fields, is_dataclass
from typing import Any, get_args, get_type_hints

import pytest

from appliance.commands.redact import _SECRET_KEY
from appliance.config.loader import parse
from appliance.config.model import Config
from appliance.errors import ConfigError

MARKER = 7_312_553


def keys_of(cls: type, prefix: str = "") -> Iterator[tuple[str, Field[Any], Any]]:
    """Every key of a configuration, its field and its type."""
    hints = get_type_hints(cls)
    for field in fields(cls):
        hint = hints[field.name]
        tables = [part for part in (hint, *_parts(hint)) if is_dataclass(part)]
        for table in tables:
            assert isinstance(table, type)
            yield from keys_of(table, f"{prefix}{field.name}.")
        if not tables:
            yield f"{prefix}{field.name}", field, hint


def _parts(hint: Any) -> Iterator[Any]:
    for part in get_args(hint):
        yield part
        yield from _parts(part)


def secret_keys() -> set[str]:
    return {key for key, field, _ in keys_of(Config) if not field.repr}


def test_what_is_called_like_a_secret_is_one() -> None:
    called_so = {
        key for key, field, hint in keys_of(Config) if _SECRET_KEY.match(field.name) and str in (hint, *_parts(hint))
    }
    assert {"panel.password", "events.mqtt_broker.password"} <= called_so <= secret_keys()


@pytest.mark.parametrize("key", sorted(secret_keys()))
def test_no_error_says_what_it_is(key: str) -> None:
    table, _, name = key.rpartition(".")
    with pytest.raises(ConfigError) as refused:
        parse(f"[{table}]\n{name} = {MARKER}\n")
    assert any(at == key for at, _ in refused.value.problems)
    assert str(MARKER) not in refused.value.message


def test_no_repr_has_one() -> None:
    config = parse(f'[panel]\npassword = "{MARKER}"\n[events.mqtt_broker]\nhost = "a"\npassword = "{MARKER}"\n')
    assert config.panel.password == str(MARKER)
    assert str(MARKER) not in repr(config)
