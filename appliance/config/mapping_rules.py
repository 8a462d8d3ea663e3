"""What [mapping] must keep to: each id is one that the senders and receivers give, or a sum of one."""

from __future__ import annotations

from collections.abc import Iterator

from appliance.config.mapping import MappedInputConfig, MappedOutputConfig, MappingConfig
from appliance.config.model import Config
from appliance.nmos.is08.matrix import ID, input_id, mapped, output_id

_MAX_CHANNELS = 64
_MAX_TEXT = 200
_RATES = (44_100, 48_000, 88_200, 96_000)


def check_mapping(config: Config, mapping: MappingConfig) -> Iterator[tuple[str, str]]:
    """(key, reason) of all that is wrong."""
    if not 1 <= mapping.latency_ms <= 500:
        yield "mapping.latency_ms", f"must be 1 to 500, not {mapping.latency_ms:g}"
    if mapping.sample_rate not in _RATES:
        yield "mapping.sample_rate", f"must be one of {', '.join(map(str, _RATES))}, not {mapping.sample_rate}"
    receivers, senders = mapped(config)
    inputs = {input_id(one): one.max_channels for one in receivers} | {input_id(one): one.channels for one in senders}
    outputs = [*map(output_id, senders), *map(output_id, receivers)]
    every = [*inputs, *(one.id for one in mapping.inputs if one.sum_of is not None)]
    seen: set[str] = set()
    for index, one in enumerate(mapping.inputs):
        yield from _input(f"mapping.inputs[{index}]", one, inputs, seen)
    seen = set()
    for index, output in enumerate(mapping.outputs):
        yield from _output(f"mapping.outputs[{index}]", output, outputs, every, seen)


def _input(key: str, one: MappedInputConfig, inputs: dict[str, int], seen: set[str]) -> Iterator[tuple[str, str]]:
    yield from _names(key, one, seen)
    if one.sum_of is not None:
        yield from _sum(key, one, inputs)
        return
    if one.id not in inputs:
        yield f"{key}.id", f'there is no input "{one.id[:60]}"; {_listed(inputs)}; or with sum_of, a new one'
        return
    if one.channels:
        yield f"{key}.channels", "is for a sum, beside sum_of"
    if one.block_size < 1 or inputs[one.id] % one.block_size:
        yield f"{key}.block_size", f"must divide the {inputs[one.id]} channels of {one.id}, not be {one.block_size}"


def _sum(key: str, one: MappedInputConfig, inputs: dict[str, int]) -> Iterator[tuple[str, str]]:
    if not ID.fullmatch(one.id):
        yield f"{key}.id", "must be letters, digits, hyphens and underscores (IS-08 Behaviour - Identifiers)"
    if one.id in inputs:
        yield f"{key}.id", f'"{one.id}" is an input itself; a sum has an id of its own'
    if not one.reordering or one.block_size != 1:
        yield f"{key}.sum_of", "has one channel, which reordering and block_size mean nothing to"
    if one.sum_of not in inputs:
        yield f"{key}.sum_of", f'there is no input "{str(one.sum_of)[:60]}"; {_listed(inputs)}'
        return
    for place, channel in enumerate(one.channels):
        if not 0 <= channel < inputs[one.sum_of]:
            yield f"{key}.channels[{place}]", f"{one.sum_of} has the channels 0 to {inputs[one.sum_of] - 1}"
    if len(set(one.channels)) != len(one.channels):
        yield f"{key}.channels", "names a channel twice"


def _output(
    key: str, one: MappedOutputConfig, outputs: list[str], inputs: list[str], seen: set[str]
) -> Iterator[tuple[str, str]]:
    yield from _names(key, one, seen)
    if one.id not in outputs:
        yield f"{key}.id", f'there is no output "{one.id[:60]}"; {_listed(outputs)}'
    if one.channels is not None and not one.id.startswith("sink-"):
        yield f"{key}.channels", "is for a sink; a sender has its own"
    elif one.channels is not None and not 1 <= one.channels <= _MAX_CHANNELS:
        yield f"{key}.channels", f"must be 1 to {_MAX_CHANNELS}, not {one.channels}"
    for place, id in enumerate(one.routable_inputs):
        if id not in inputs:
            yield f"{key}.routable_inputs[{place}]", f'there is no input "{id[:60]}"; {_listed(inputs)}'
    if len(set(one.routable_inputs)) != len(one.routable_inputs):
        yield f"{key}.routable_inputs", "names an input twice"


def _names(key: str, one: MappedInputConfig | MappedOutputConfig, seen: set[str]) -> Iterator[tuple[str, str]]:
    if one.id in seen:
        yield f"{key}.id", f'"{one.id[:60]}" is there already'
    seen.add(one.id)
    for name in ("label", "description"):
        text = getattr(one, name)
        if len(text) > _MAX_TEXT or not text.isprintable():
            yield f"{key}.{name}", f"must be at most {_MAX_TEXT} printable characters"


def _listed(ids: dict[str, int] | list[str]) -> str:
    return f"there are {', '.join(ids)}" if ids else "there are none"
