"""What the configuration says of channel mapping."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MappedInputConfig:
    """[[mapping.inputs]]: what is particular about one Input.

    ``id`` says which: "receiver-NAME", or "local-NAME" for what the sender NAME has as its input. With ``sum_of`` it is
    one more, of a single channel: the mean of those ``channels`` of that Input (none named: of all). ``reordering`` and
    ``block_size`` restrict how its channels may be routed (IS-08 Behaviour - Input Constraints).
    """

    id: str
    label: str = ""
    description: str = ""
    reordering: bool = True
    block_size: int = 1
    sum_of: str | None = None
    channels: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class MappedOutputConfig:
    """[[mapping.outputs]]: what is particular about one Output.

    ``id`` says which: "sender-NAME", or "sink-NAME" for the output of the receiver NAME, which has so many ``channels``
    (left out: two). ``routable_inputs`` are the only Inputs it can be routed from (none named: any).
    """

    id: str
    label: str = ""
    description: str = ""
    channels: int | None = None
    routable_inputs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MappingConfig:
    """[mapping]: channel mapping (IS-08). Where this table is, all audio goes through the box's mixer, and each audio
    sender and receiver has its Inputs and Outputs there.

    ``latency_ms`` is how much of each Input the mixer holds; ``sample_rate`` is what everything is mixed at.
    """

    latency_ms: float = 10.0
    sample_rate: int = 48_000
    inputs: tuple[MappedInputConfig, ...] = ()
    outputs: tuple[MappedOutputConfig, ...] = ()
