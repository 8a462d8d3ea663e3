"""What the drivers that a configuration names could never do, found before anything runs: by asking them for plans.

There is no second list of what each driver can do, which could differ from what it does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TypeAlias

from appliance.config.model import Config, ReceiverConfig, SenderConfig
from appliance.errors import ApplianceError, BadRequest
from appliance.media.drivers import engines
from appliance.media.engine import Engine, Job, Leg, Tools
from appliance.media.jobs import received_job, sent_job

_LEG = Leg("eth0", "192.0.2.1", "239.255.0.1", 5004, "192.0.2.1", 5004)
Lacking: TypeAlias = tuple[SenderConfig | ReceiverConfig, str, str]
"""A sender or receiver, one of its media types, and what to do about it."""


class _Everything:
    def __contains__(self, name: object) -> bool:
        return True


_EVERYTHING_THERE = Tools(which=lambda program: program, elements=_Everything)


def never(config: Config) -> Iterator[tuple[str, str]]:
    """(key, reason) for whatever a driver cannot do wherever it runs."""
    made = engines(config.media, _EVERYTHING_THERE)
    for index, sender in enumerate(config.senders):
        if sender.transport.is_rtp:
            try:
                made[sender.driver or config.media.driver].plan(sample(sender, sender.media_type, config))
            except BadRequest as refused:
                yield f"senders[{index}]", refused.message
    for index, receiver in enumerate(config.receivers):
        if receiver.transport.is_rtp:
            for place, media_type in enumerate(receiver.media_types):
                try:
                    made[receiver.driver or config.media.driver].plan(sample(receiver, media_type, config))
                except BadRequest as refused:
                    yield f"receivers[{index}].media_types[{place}]", refused.message


def missing(config: Config, made: Mapping[str, Engine]) -> Iterator[Lacking]:
    """What the drivers ``made`` for this host cannot do on it now."""
    endpoints: tuple[SenderConfig | ReceiverConfig, ...] = (*config.senders, *config.receivers)
    for endpoint in endpoints:
        if not endpoint.transport.is_rtp:
            continue
        engine = made[endpoint.driver or config.media.driver]
        types = (endpoint.media_type,) if isinstance(endpoint, SenderConfig) else endpoint.media_types
        for media_type in types:
            reason = engine.unavailable()
            try:
                if reason is None:
                    engine.plan(sample(endpoint, media_type, config))
            except ApplianceError as lacking:
                reason = lacking.message
            if reason is not None:
                yield endpoint, media_type, reason


def without(config: Config, lacking: Iterable[Lacking]) -> Config:
    """What receivers can be given without that. One that can be given nothing at all keeps what it would be: it has to
    say something (receiver_core.json wants a media type), and its stream says what is wrong."""
    lost: dict[str, set[str]] = {}
    for endpoint, media_type, _ in lacking:
        if isinstance(endpoint, ReceiverConfig):
            lost.setdefault(endpoint.name, set()).add(media_type)
    receivers = tuple(_left(receiver, lost.get(receiver.name, set())) for receiver in config.receivers)
    return replace(config, receivers=receivers)


def _left(receiver: ReceiverConfig, lost: set[str]) -> ReceiverConfig:
    left = tuple(media_type for media_type in receiver.media_types if media_type not in lost)
    if not lost or not left:
        return receiver
    accepts = [
        replace(accepted, media_type=tuple(media_type for media_type in accepted.media_type if media_type not in lost))
        for accepted in receiver.accepts
        if not accepted.media_type or set(accepted.media_type) - lost
    ]
    return replace(receiver, media_types=left, accepts=tuple(accepts))


def sample(endpoint: SenderConfig | ReceiverConfig, media_type: str, config: Config) -> Job:
    """A job that this sender or receiver could be given."""
    if isinstance(endpoint, SenderConfig):
        return sent_job("", endpoint, (_LEG,), config)
    return received_job("", endpoint, (_LEG,), media_type, config)
