"""Takes secrets out of what is handed to strangers: a report.

Two ways at once, for a configuration may be broken and a log may say anything. By their looks: what is assigned to a
key such as ``password``, user and password in a URL, tokens, private keys. And by their value: whatever the
configuration holds under such a key, wherever else it turns up. Addresses, names and labels stay: they are the matter.
"""

from __future__ import annotations

import re
import stat
import tomllib
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path

from appliance.config.model import Config

REMOVED = "[removed]"
_SHORTEST = 4
"""A shorter secret would make holes in everything; by its looks it is removed all the same."""

_KEY = r"[\w.-]*(?:pass(?:word|wd|phrase|code)?|secret|token|credential|api_?key|private_?key|psk|authorization)[\w-]*"
_SECRET_KEY = re.compile(rf"^{_KEY}$", re.IGNORECASE)
_VALUE = r'"""(?:.|\n)*?"""|' + r"'''(?:.|\n)*?'''" + r'|"(?:\\.|[^"\\\n])*"|' + r"'[^'\n]*'"
_PATTERNS = (
    # key = "value" as TOML has it, "key": "value" as JSON does
    (re.compile(rf"""(["']?\b{_KEY}["']?\s*[=:]\s*)(?:{_VALUE})""", re.IGNORECASE), rf'\1"{REMOVED}"'),
    (re.compile(r"(\bauthorization:\s*)[^\r\n]+", re.IGNORECASE), rf"\1{REMOVED}"),
    (re.compile(r"(\b(?:bearer|basic)\s+)[\w.~+/=-]{8,}", re.IGNORECASE), rf"\1{REMOVED}"),
    (re.compile(r"(\b[a-z][a-z0-9+.-]*://)[^\s/@\"'<>]+@", re.IGNORECASE), rf"\1{REMOVED}@"),
    (re.compile(rf"([?&]{_KEY}=)[^\s&#\"'<>]+", re.IGNORECASE), rf"\1{REMOVED}"),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----(?:.|\n)*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"), REMOVED),
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*"), REMOVED),  # a JSON Web Token: RFC 7519
)


class Redaction:
    """Made for one configuration; ``config`` is its text, good or not."""

    def __init__(self, config: str = "") -> None:
        try:
            found = set(_secrets(tomllib.loads(config)))
        except (tomllib.TOMLDecodeError, RecursionError):
            found = set()
        self._values = sorted((value for value in found if len(value) >= _SHORTEST), key=len, reverse=True)

    def of(self, text: str) -> str:
        for value in self._values:
            text = text.replace(value, REMOVED)
        for pattern, instead in _PATTERNS:
            text = pattern.sub(instead, text)
        return text


def exposed(file: Path, config: Config) -> Iterator[str]:
    """A sentence, where the file of a configuration has secrets that everybody on this host can read."""
    if _has_secret(config) and file.stat().st_mode & stat.S_IROTH:
        yield f"{file} has a secret in it, and everybody on this host can read it (chgrp nmos-appliance, chmod 0640)"


def _has_secret(part: object) -> bool:
    """What dataclasses do not show is one."""
    if isinstance(part, tuple):
        return any(map(_has_secret, part))
    if not is_dataclass(part):
        return False
    held = [(field, getattr(part, field.name)) for field in fields(part)]
    return any(value if not field.repr else _has_secret(value) for field, value in held)


def _secrets(table: object, secret: bool = False) -> Iterator[str]:
    if isinstance(table, dict):
        for key, value in table.items():
            yield from _secrets(value, secret or bool(_SECRET_KEY.match(key)))
    elif isinstance(table, list):
        for value in table:
            yield from _secrets(value, secret)
    elif isinstance(table, str) and secret:
        yield table
