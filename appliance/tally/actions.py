"""What received events do, by the rules of the configuration: lamps, texts on the panel, takes.

A lamp is lit and a text shown while any rule says so, by what a receiver heard last, and however long ago: a lost
connection is a fault of the receiver, not a new state of a source. A parked receiver says nothing. A take is done when
its rule begins to hold by an event; what is heard first after the start, or after an activation, is a state and no
event.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from appliance.config.model import ActionConfig, EventValue, LampConfig
from appliance.nmos.is07.messages import State


@dataclass(frozen=True, slots=True)
class Take:
    """The receiver called ``receiver`` takes ``source`` (id or label), or nothing."""

    receiver: str
    source: str | None


class Actions:
    """``rules`` by receiver id."""

    def __init__(self, rules: Mapping[str, tuple[ActionConfig, ...]], lamps: tuple[LampConfig, ...]) -> None:
        self._heard: dict[str, State] = {}
        self.reconfigure(rules, lamps)

    def reconfigure(self, rules: Mapping[str, tuple[ActionConfig, ...]], lamps: tuple[LampConfig, ...]) -> None:
        """These hold from now on, by what was heard already; no take begins by that."""
        self._rules, self._lamps = rules, lamps
        self._heard = {id: state for id, state in self._heard.items() if id in rules}

    @property
    def heard(self) -> Mapping[str, State]:
        """What each receiver heard last."""
        return self._heard

    def event(self, receiver_id: str, state: State) -> list[Take]:
        """A receiver heard a state; what is to be taken because of it."""
        before = self._heard.get(receiver_id)
        self._heard[receiver_id] = state
        if before is None:
            return []
        return [
            Take(rule.take, rule.source)
            for rule in self._rules.get(receiver_id, ())
            if rule.take is not None and _holds(rule, state) and not _holds(rule, before)
        ]

    def parked(self, receiver_id: str) -> None:
        """What it heard does not count any more."""
        self._heard.pop(receiver_id, None)

    @property
    def lit(self) -> frozenset[str]:
        """The names of the lamps that are lit now."""
        return frozenset(rule.lamp for rule, state in self._in_force() if rule.lamp is not None and _holds(rule, state))

    @property
    def shown(self) -> tuple[str, ...]:
        """The texts that are shown now."""
        return tuple(
            rule.show.replace("{value}", written(state.payload.plain))
            for rule, state in self._in_force()
            if rule.show is not None and (_is_unconditional(rule) or _holds(rule, state))
        )

    def _in_force(self) -> list[tuple[ActionConfig, State]]:
        return [(rule, self._heard[id]) for id, rules in self._rules.items() if id in self._heard for rule in rules]


def written(value: EventValue) -> str:
    """A value as people read it."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return value if isinstance(value, str) else f"{value:g}"


def _is_unconditional(rule: ActionConfig) -> bool:
    return rule.equals is None and rule.above is None and rule.below is None


def _holds(rule: ActionConfig, state: State) -> bool:
    value = state.payload.plain
    if rule.equals is not None:
        return isinstance(value, bool) == isinstance(rule.equals, bool) and value == rule.equals
    if _is_unconditional(rule):
        return value is True
    if isinstance(value, bool | str):
        return False
    return (rule.above is None or value > rule.above) and (rule.below is None or value < rule.below)
