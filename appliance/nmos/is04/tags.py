"""The tags of resources: what the configuration says, BCP-002-01 group hints, BCP-002-02 asset information."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain, count

from appliance.config.model import Config, DeviceConfig, EndpointConfig, ReceiverConfig, SenderConfig
from appliance.core.types import JSON

GROUP_HINT = "urn:x-nmos:tag:grouphint/v1.0"
_ASSET = "urn:x-nmos:tag:asset:"


class Tags:
    """Made once for a configuration. ``serial_number`` is used where the configuration names none."""

    def __init__(self, config: Config, serial_number: str) -> None:
        self._config = config
        self._serial = config.node.serial_number or serial_number
        self._hints = dict(_group_hints(config))
        self._with_senders = {sender.device for sender in config.senders}
        self._with_receivers = {receiver.device for receiver in config.receivers}

    def of_node(self) -> JSON:
        return {**self._asset(self._serial), **listed(self._config.node.tags)}

    def of_device(self, device: DeviceConfig) -> JSON:
        """With what the device is for: as configured, else what it has."""
        function = list(device.function or self._functions(device)) or ["Device"]
        asset = self._asset(f"{self._serial}/{device.name}")
        return {**asset, f"{_ASSET}function/v1.0": function, **listed(device.tags)}

    def of_endpoint(self, endpoint: EndpointConfig) -> JSON:
        return {GROUP_HINT: [self._hints[_key(endpoint)]], **listed(endpoint.tags)}

    def _asset(self, instance_id: str) -> JSON:
        """Manufacturer, product and instance id together are unique to each node and device (BCP-002-02)."""
        values = {
            "manufacturer": self._config.node.manufacturer,
            "product": self._config.node.product,
            "instance-id": instance_id,
        }
        return {f"{_ASSET}{name}/v1.0": [value] for name, value in values.items()}

    def _functions(self, device: DeviceConfig) -> Iterator[str]:
        if device.name in self._with_senders:
            yield "Sender"
        if device.name in self._with_receivers:
            yield "Receiver"


def listed(tags: Mapping[str, tuple[str, ...]]) -> JSON:
    """Configured tags as JSON."""
    return {key: list(values) for key, values in tags.items()}


def _group_hints(config: Config) -> Iterator[tuple[tuple[type, str], str]]:
    """The configured hint, else ``<device>:<name>``: a hint must never change (NMOS Tags register, group hints), and
    labels may. A role that its group has already is numbered: it is unique."""
    endpoints: tuple[SenderConfig | ReceiverConfig, ...] = (*config.senders, *config.receivers)
    taken = {endpoint.group_hint.removesuffix(":device") for endpoint in endpoints if endpoint.group_hint}
    for endpoint in endpoints:
        hint = endpoint.group_hint
        if hint is None:
            plain = ":".join(name.replace(":", " ") for name in (endpoint.device, endpoint.name))
            hint = next(one for one in chain([plain], (f"{plain} {n}" for n in count(2))) if one not in taken)
            taken.add(hint)
        yield _key(endpoint), hint


def _key(endpoint: EndpointConfig) -> tuple[type, str]:
    return type(endpoint), endpoint.name
