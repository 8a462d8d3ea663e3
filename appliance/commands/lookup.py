"""Sources and receivers by what a person calls them: an id, or a label that only one of them has."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from typing import Any

from appliance.commands.client import CommandError, Daemon
from appliance.core.types import JSON

PAGE = 250


def all_sources(daemon: Daemon, receiver: str | None = None) -> Iterator[JSON]:
    """Every source, asked for in pages."""
    query: dict[str, str | int] = {"limit": PAGE} if receiver is None else {"limit": PAGE, "receiver": receiver}
    offset = 0
    while True:
        page: Any = daemon.get("/panel/sources", offset=offset, **query)
        yield from page["sources"]
        offset += PAGE
        if offset >= page["total"]:
            return


def all_receivers(daemon: Daemon) -> list[JSON]:
    receivers: list[JSON] = daemon.get("/panel/receivers")["receivers"]
    return receivers


def resolve(word: str, items: Sequence[JSON], what: str) -> JSON:
    """The one item that ``word`` means; the id first, then the label, then the label in any case."""
    for matches in (
        [item for item in items if item["id"] == word.lower()],
        [item for item in items if item["label"] == word],
        [item for item in items if item["label"].casefold() == word.casefold()],
    ):
        if len(matches) == 1:
            return matches[0]
        if matches:
            raise CommandError(f"{len(matches)} {what}s are called {word!r}; name one by its id: {_ids(matches)}")
    raise CommandError(f"no {what} is called {word!r}{_hint(word, items)}")


def _ids(matches: Sequence[JSON]) -> str:
    shown = ", ".join(f"{item['id']} ({item['device']['label']})" for item in matches[:4])
    return shown if len(matches) <= 4 else f"{shown}, …"


def _hint(word: str, items: Sequence[JSON]) -> str:
    labels = sorted({item["label"] for item in items})
    near = difflib.get_close_matches(word, labels[:2000], n=3, cutoff=0.5)
    near += [label for label in labels if word.casefold() in label.casefold() and label not in near][: 3 - len(near)]
    if near:
        return "; did you mean " + " or ".join(repr(label) for label in near) + "?"
    return "" if items else "; there are none"
