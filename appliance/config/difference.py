"""What of a configuration that was changed can be had without a restart, and what it is in words.

Senders and receivers, also those of events, devices, channel mapping, labels and the choice of interfaces are followed
live. What sockets, announcements and the media of every stream are made of is not: a reload with such a change is
refused whole, so that what runs is always one file and never a mix of two.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass

from appliance.config.model import Config, DeviceConfig, EndpointConfig
from appliance.config.rules import Problems

LIVE = frozenset(
    {"node", "network.interfaces", "network.control", "events", "mapping", "panel.receiver",
     "access", "devices", "senders", "receivers"}
)  # fmt: skip
"""The tables and keys that a reload applies."""

RESTART = "takes effect with a restart only (systemctl restart nmos-appliance)"


def fixed() -> Iterator[str]:
    """Each key that a reload does not apply, and of a table with none that it does the table."""
    plain = Config()
    for table in fields(Config):
        inner = getattr(plain, table.name)
        keys = [f"{table.name}.{key.name}" for key in fields(inner)] if is_dataclass(inner) else []
        if table.name not in LIVE:
            yield from [key for key in keys if key not in LIVE] if LIVE.intersection(keys) else [table.name]


def needs_restart(before: Config, after: Config) -> Problems:
    """Each key that differs and cannot be followed live, with the reason."""
    return [(key, RESTART) for key in _other_keys(before, after)]


def in_words(before: Config, after: Config) -> str:
    """``receiver booth added; sender tone changed; [node] changed``, or that nothing differs."""
    tables = [key for key in _differing(before, after) if key not in ("devices", "senders", "receivers")]
    parts = [
        *_named("device", before.devices, after.devices),
        *_named("sender", before.senders, after.senders),
        *_named("receiver", before.receivers, after.receivers),
        *(f"{key} changed" for key in tables),
    ]
    return "; ".join(parts) or "nothing changed"


def _other_keys(before: Config, after: Config) -> Iterator[str]:
    return (key for key in _differing(before, after) if key not in LIVE and key.partition(".")[0] not in LIVE)


def _differing(before: Config, after: Config) -> Iterator[str]:
    """``table.key`` of each key that differs; of lists of tables, the list's name."""
    for table in fields(Config):
        old, new = getattr(before, table.name), getattr(after, table.name)
        if old == new:
            continue
        if not is_dataclass(old) or not is_dataclass(new):
            yield table.name
            continue
        for key in fields(old):
            if getattr(old, key.name) != getattr(new, key.name):
                yield f"{table.name}.{key.name}"


_Named = DeviceConfig | EndpointConfig


def _names_of_different(before: Iterable[_Named], after: Iterable[_Named]) -> list[str]:
    old, new = {each.name: each for each in before}, {each.name: each for each in after}
    return [name for name in {**old, **new} if old.get(name) != new.get(name)]


def _named(what: str, before: Iterable[_Named], after: Iterable[_Named]) -> Iterator[str]:
    old, new = {each.name for each in before}, {each.name for each in after}
    for name in _names_of_different(before, after):
        verb = "added" if name not in old else "removed" if name not in new else "changed"
        yield f"{what} {name} {verb}"
