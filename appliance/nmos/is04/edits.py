"""What the box's owner changed of a resource at the box itself: labels, tags, services. Kept in aspects of the store,
beside the resources, and put over what the configuration says whenever that is written."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from appliance.core.types import JSON

LABEL_ASPECT = "label"
"""The store's table of texts edited at the box: id → {"label": ..., "description": ...}."""
TAGS_ASPECT = "tags"
"""id → tags by name: a list of values in place of the configured ones; an empty one takes the tag away."""
SERVICES_ASPECT = "services"
"""The node's id → {"services": [{"href", "type", "authorization"}]}, in place of the configured ones."""

Aspect: TypeAlias = Callable[[str, str], JSON | None]
"""What the store has of an aspect and an id."""


def edited(body: JSON, aspect: Aspect) -> JSON:
    """``body``, as the configuration says it, with what was changed at the box."""
    id = body["id"]
    texts, tags, services = (aspect(name, id) for name in (LABEL_ASPECT, TAGS_ASPECT, SERVICES_ASPECT))
    changed = {**body, **(texts or {}), **(services or {})}
    if tags:
        merged = {**body["tags"], **tags}
        changed["tags"] = {name: values for name, values in merged.items() if values}
    return changed
