"""What auto-routes must keep to, in the configuration and where they are set at the panel."""

from __future__ import annotations

from collections.abc import Iterator

from appliance.config.panel import RouteConfig

PATTERNS = ("label", "device", "group", "tag")
_MAX_HOLD_S = 86_400
_MAX_RULES = 20
_MAX_PATTERN = 200


def check(key: str, route: RouteConfig) -> Iterator[tuple[str, str]]:
    """(key, reason) pairs; ``key`` is that of the table."""
    if not 0 <= route.hold_s <= _MAX_HOLD_S:
        yield f"{key}.hold_s", f"must be 0 to {_MAX_HOLD_S}, not {route.hold_s:g}"
    if route.mode == "follow" and not route.rules:
        yield f"{key}.rules", "must have one rule at least where the mode is follow"
    if len(route.rules) > _MAX_RULES:
        yield f"{key}.rules", f"must be at most {_MAX_RULES}, not {len(route.rules)}"
    for index, rule in enumerate(route.rules):
        given = {name: pattern for name in PATTERNS if (pattern := getattr(rule, name)) is not None}
        if not given and rule.format is None:
            yield f"{key}.rules[{index}]", f"must say one of {', '.join(PATTERNS)}, format"
        for name, pattern in given.items():
            if not pattern or not pattern.isprintable() or len(pattern) > _MAX_PATTERN:
                yield f"{key}.rules[{index}].{name}", f"must be 1 to {_MAX_PATTERN} printable characters"
