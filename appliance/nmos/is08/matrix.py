"""The Inputs and Outputs of a box (IS-08 Behaviour - Inputs and Outputs): what its configuration makes of its audio
senders and receivers.

Each receiver is an Input, what it receives; so is what each sender has as its input, and each sum that was configured.
Each sender is an Output, and so is each receiver's own, a loudspeaker for instance. Without any map each Output has
its own Input's channels, one to one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from appliance.config.mapping import MappedInputConfig, MappedOutputConfig, MappingConfig
from appliance.config.model import Config, Format, InputConfig, ReceiverConfig, SenderConfig
from appliance.core.ids import Identities
from appliance.core.types import Kind

SINK_CHANNELS = 2
ID = re.compile(r"[a-zA-Z0-9\-_]+")
"""What an id of an Input or Output looks like (IS-08 Behaviour - Identifiers)."""

Route: TypeAlias = tuple[str, int] | None
"""What an Output's channel has: a channel of an Input, or nothing, which is silence."""
Routes: TypeAlias = tuple[Route, ...]
"""One for each channel of an Output."""


@dataclass(frozen=True, slots=True)
class Input:
    """``owner`` is the receiver or sender by its kind and IS-04 id; ``sum_of`` the channels that a sum is made of."""

    id: str
    owner: tuple[Kind, str]
    label: str
    description: str
    channels: tuple[str, ...]
    reordering: bool = True
    block_size: int = 1
    sum_of: tuple[tuple[str, int], ...] = ()

    @property
    def receiver(self) -> str | None:
        """The receiver that it comes from directly."""
        kind, id = self.owner
        return id if kind is Kind.RECEIVER and not self.sum_of else None


@dataclass(frozen=True, slots=True)
class Output:
    """``source`` is the IS-04 source that it constitutes, ``None`` where it leaves the network; ``own`` the Input that
    it has while nobody says otherwise; ``routable`` those it can have, ``None``: any."""

    id: str
    owner: tuple[Kind, str]
    device: str
    source: str | None
    label: str
    description: str
    channels: tuple[str, ...]
    own: str
    routable: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Matrix:
    """All Inputs and Outputs by id, in the order they are listed."""

    inputs: Mapping[str, Input] = field(default_factory=dict)
    outputs: Mapping[str, Output] = field(default_factory=dict)


def matrix(config: Config, identities: Identities) -> Matrix:
    """The Inputs and Outputs of a configuration that has been checked."""
    mapping = config.mapping or MappingConfig()
    of_input = {one.id: one for one in mapping.inputs}
    of_output = {one.id: one for one in mapping.outputs}
    receivers, senders = mapped(config)
    inputs = {
        one.id: one
        for one in (
            *(_received(receiver, identities, of_input) for receiver in receivers),
            *(_local(sender, identities, of_input) for sender in senders),
        )
    }
    inputs |= {one.id: _sum(one, inputs[one.sum_of]) for one in mapping.inputs if one.sum_of is not None}
    outputs = {
        one.id: one
        for one in (
            *(_sent(sender, identities, of_output) for sender in senders),
            *(_played(receiver, identities, of_output) for receiver in receivers),
        )
    }
    return Matrix(inputs, outputs)


def mapped(config: Config) -> tuple[list[ReceiverConfig], list[SenderConfig]]:
    """The receivers and senders that have an Input and an Output each."""
    return [one for one in config.receivers if is_mapped(one)], [one for one in config.senders if is_mapped(one)]


def is_mapped(endpoint: SenderConfig | ReceiverConfig) -> bool:
    """Linear PCM over RTP: nobody looks inside AM824."""
    types = (endpoint.media_type,) if isinstance(endpoint, SenderConfig) else endpoint.media_types
    return endpoint.format is Format.AUDIO and endpoint.transport.is_rtp and "audio/AM824" not in types


def input_id(endpoint: SenderConfig | ReceiverConfig) -> str:
    """The id of what a receiver receives, or of what a sender has as its input."""
    return _id("receiver" if isinstance(endpoint, ReceiverConfig) else "local", endpoint.name)


def output_id(endpoint: SenderConfig | ReceiverConfig) -> str:
    """The id of what a sender sends, or of where a receiver's audio goes."""
    return _id("sink" if isinstance(endpoint, ReceiverConfig) else "sender", endpoint.name)


def _id(role: str, name: str) -> str:
    """A name may have any characters, an id not: the others are spelt out, so that two names never share an id."""
    return f"{role}-" + "".join(
        character if ID.fullmatch(character) and character != "_" else f"_{ord(character):x}_" for character in name
    )


def _received(receiver: ReceiverConfig, identities: Identities, configured: Mapping[str, MappedInputConfig]) -> Input:
    id = input_id(receiver)
    own = configured.get(id, MappedInputConfig(id))
    return Input(
        id=id,
        owner=(Kind.RECEIVER, identities.of(Kind.RECEIVER, receiver.name)),
        label=own.label,
        description=own.description or "What the receiver receives",
        channels=_numbered(receiver.max_channels),
        reordering=own.reordering,
        block_size=own.block_size,
    )


def _local(sender: SenderConfig, identities: Identities, configured: Mapping[str, MappedInputConfig]) -> Input:
    id = input_id(sender)
    own = configured.get(id, MappedInputConfig(id))
    return Input(
        id=id,
        owner=(Kind.SENDER, identities.of(Kind.SENDER, sender.name)),
        label=own.label,
        description=own.description or _described(sender.input),
        channels=_numbered(sender.channels),
        reordering=own.reordering,
        block_size=own.block_size,
    )


def _sum(own: MappedInputConfig, of: Input) -> Input:
    channels = own.channels or range(len(of.channels))
    return Input(
        id=own.id,
        owner=of.owner,
        label=own.label or own.id,
        description=own.description or f"The sum of channels of {of.id}",
        channels=("Sum",),
        sum_of=tuple((of.id, channel) for channel in channels),
    )


def _sent(sender: SenderConfig, identities: Identities, configured: Mapping[str, MappedOutputConfig]) -> Output:
    id = output_id(sender)
    own = configured.get(id, MappedOutputConfig(id))
    return Output(
        id=id,
        owner=(Kind.SENDER, identities.of(Kind.SENDER, sender.name)),
        device=identities.of(Kind.DEVICE, sender.device),
        source=identities.of(Kind.SOURCE, sender.name),
        label=own.label,
        description=own.description or "What the sender sends",
        channels=_numbered(sender.channels),
        own=input_id(sender),
        routable=frozenset(own.routable_inputs) or None,
    )


def _played(receiver: ReceiverConfig, identities: Identities, configured: Mapping[str, MappedOutputConfig]) -> Output:
    id = output_id(receiver)
    own = configured.get(id, MappedOutputConfig(id))
    return Output(
        id=id,
        owner=(Kind.RECEIVER, identities.of(Kind.RECEIVER, receiver.name)),
        device=identities.of(Kind.DEVICE, receiver.device),
        source=None,
        label=own.label,
        description=own.description or f"Where the receiver's audio goes: {receiver.output.kind}",
        channels=_numbered(own.channels or min(SINK_CHANNELS, receiver.max_channels)),
        own=input_id(receiver),
        routable=frozenset(own.routable_inputs) or None,
    )


def _described(end: InputConfig) -> str:
    match end.kind:
        case "tone":
            return f"A tone of {end.frequency_hz:g} Hz"
        case "alsa":
            return f"The sound card {end.device}"
        case "file":
            return f"The file {end.path}"
        case other:
            return other.capitalize()


def _numbered(count: int) -> tuple[str, ...]:
    return ("Left", "Right") if count == 2 else tuple(f"Channel {number}" for number in range(1, count + 1))
