"""What a reload may change, and how a change is called."""

from dataclasses import fields, is_dataclass, replace

import pytest

from appliance.config.difference import LIVE, RESTART, fixed, in_words, needs_restart
from appliance.config.mapping import MappingConfig
from appliance.config.model import (
    Config,
    DeviceConfig,
    DiscoveryConfig,
    DiscoveryMode,
    Format,
    MediaConfig,
    NetworkConfig,
    NodeConfig,
    ReceiverConfig,
    SenderConfig,
    Transport,
)
from appliance.config.panel import PanelConfig

CONFIG = Config(
    devices=(DeviceConfig("box"),),
    senders=(SenderConfig("tone", "box"),),
    receivers=(ReceiverConfig("speaker", "box"),),
)
BUTTON = SenderConfig(
    "button", "box", format=Format.DATA, transport=Transport.MQTT, media_type="application/json", event_type="boolean"
)


@pytest.mark.parametrize(
    ("after", "words"),
    [
        (CONFIG, "nothing changed"),
        (replace(CONFIG, receivers=(*CONFIG.receivers, ReceiverConfig("booth", "box"))), "receiver booth added"),
        (replace(CONFIG, receivers=()), "receiver speaker removed"),
        (replace(CONFIG, senders=(SenderConfig("tone", "box", label="1 kHz"),)), "sender tone changed"),
        (replace(CONFIG, node=NodeConfig(label="Foyer")), "node.label changed"),
        (replace(CONFIG, network=NetworkConfig(interfaces=("eth1",))), "network.interfaces changed"),
        (
            replace(CONFIG, devices=(DeviceConfig("desk"),), panel=PanelConfig("speaker")),
            "device box removed; device desk added; panel.receiver changed",
        ),
    ],
)
def test_what_can_be_followed_live_is_said_in_words(after: Config, words: str) -> None:
    assert needs_restart(CONFIG, after) == []
    assert in_words(CONFIG, after) == words


@pytest.mark.parametrize(
    ("after", "keys"),
    [
        (replace(CONFIG, network=NetworkConfig(http_port=81, multicast_ttl=3)),
         ["network.http_port", "network.multicast_ttl"]),
        (replace(CONFIG, discovery=DiscoveryConfig(mode=DiscoveryMode.OFF)), ["discovery.mode"]),
        (replace(CONFIG, media=MediaConfig(latency_ms=5.0)), ["media.latency_ms"]),
    ],
)  # fmt: skip
def test_what_cannot_names_its_keys(after: Config, keys: list[str]) -> None:
    assert needs_restart(CONFIG, after) == [(key, RESTART) for key in keys]


def test_what_needs_a_restart_is_few_and_can_be_named() -> None:
    assert list(fixed()) == [
        "network.http_port", "network.multicast_pool", "network.multicast_ttl", "network.return_after_s",
        "network.ptp_sockets", "tls", "authorization", "discovery", "media",
        *(f"panel.{key.name}" for key in fields(PanelConfig) if key.name != "receiver"),
    ]  # fmt: skip


def test_events_and_channel_mapping_come_and_go_live() -> None:
    after = replace(CONFIG, senders=(*CONFIG.senders, BUTTON), mapping=MappingConfig())
    assert needs_restart(CONFIG, after) == needs_restart(after, CONFIG) == []
    assert in_words(CONFIG, after) == "sender button added; mapping changed"


def test_every_live_key_exists() -> None:
    keys = set()
    for table in fields(Config):
        value = getattr(CONFIG, table.name)
        keys.add(table.name)
        keys.update(f"{table.name}.{key.name}" for key in (fields(value) if is_dataclass(value) else ()))
    assert keys >= LIVE
