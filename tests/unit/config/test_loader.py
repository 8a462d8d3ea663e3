"""Configurations: good ones become dataclasses, bad ones are refused with every error at once."""

import contextlib
import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.config.authorization import AuthorizationConfig
from appliance.config.loader import load, parse
from appliance.config.model import Config, DiscoveryMode, Format, Transport
from appliance.config.tls import TlsConfig
from appliance.errors import ConfigError

EXAMPLES = Path(__file__).parents[3] / "docs" / "examples"


def problems(text: str) -> dict[str, str]:
    with pytest.raises(ConfigError) as caught:
        parse(text)
    return dict(caught.value.problems)


def test_an_empty_file_is_a_node_with_nothing_on_it() -> None:
    assert parse("") == Config()


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*.toml")), ids=lambda file: file.name)
def test_the_examples_are_good(file: Path) -> None:
    assert load(file).devices


def test_the_secure_one_has_all_there_is_of_tls_and_authorization(tmp_path: Path) -> None:
    """Also what it has as comments is good."""
    text = re.sub(r'^# (?=[a-z_]+ = (?:true|"))', "", (EXAMPLES / "secure.toml").read_text("utf-8"), flags=re.MULTILINE)
    whole = tmp_path / "whole.toml"
    whole.write_text(text, "utf-8")
    assert load(whole).authorization.enabled
    said = tomllib.loads(text)
    assert set(said["tls"]) == set(TlsConfig.__slots__)
    assert set(said["authorization"]) == set(AuthorizationConfig.__slots__)


def test_every_key_arrives() -> None:
    config = parse(
        """
        [node]
        label = "Box"
        tags = { "urn:x:a" = ["1", "2"] }
        [network]
        interfaces = ["eth1", "eth0"]
        [discovery]
        mode = "peer-to-peer"
        api_versions = ["v1.3"]
        [media]
        latency_ms = 5
        [[devices]]
        name = "d"
        [[senders]]
        name = "s"
        device = "d"
        transport = "rtp"
        legs = [{ interfaces = ["eth0"], destination_port = 5010 }, { destination_ip = "239.1.1.1" }]
        input = { kind = "file", path = "/srv/a.wav" }
        """
    )
    assert config.node.tags == {"urn:x:a": ("1", "2")}
    assert config.network.interfaces == ("eth1", "eth0")
    assert config.discovery.mode is DiscoveryMode.PEER_TO_PEER
    assert config.media.latency_ms == 5.0
    [sender] = config.senders
    assert sender.transport is Transport.RTP
    assert sender.format is Format.AUDIO
    assert sender.legs[0].destination_port == 5010
    assert sender.legs[1].destination_port == "auto"
    assert sender.input.path == "/srv/a.wav"


def test_all_errors_are_reported_at_once_each_with_its_key() -> None:
    found = problems(
        """
        colour = "red"
        [node]
        lable = "x"
        [network]
        http_port = "eighty"
        [discovery]
        mode = "sometimes"
        [[senders]]
        name = "s"
        channels = true
        legs = [{ destination_port = "5004" }]
        """
    )
    assert found == {
        "colour": "there is no such key",
        "node.lable": 'there is no such key; "label" is meant?',
        "network.http_port": 'must be a whole number, not "eighty"',
        "discovery.mode": 'must be "auto" or "registered" or "peer-to-peer" or "off", not "sometimes"',
        "senders[0].device": "is missing",
        "senders[0].channels": "must be a whole number, not true",
        "senders[0].legs[0].destination_port": 'must be a whole number or "auto", not "5004"',
    }


def test_rules_are_checked_beside_a_value_of_the_wrong_type() -> None:
    found = problems(
        """
        [[devices]]
        name = "d"
        [[senders]]
        name = "s"
        device = "nowhere"
        channels = "two"
        sample_rate = 44000
        """
    )
    assert set(found) == {"senders[0].channels", "senders[0].device", "senders[0].sample_rate"}


def test_what_only_follows_from_a_refused_value_is_not_said() -> None:
    assert set(problems("devices = 7\n" + SENDER.removeprefix(DEVICE))) == {"devices"}


DEVICE = '[[devices]]\nname = "d"\n'
SENDER = DEVICE + '[[senders]]\nname = "s"\ndevice = "d"\n'
RECEIVER = DEVICE + '[[receivers]]\nname = "r"\ndevice = "d"\n'
EVENT_SENDER = SENDER + 'format = "data"\ntransport = "websocket"\n'
EVENT_RECEIVER = RECEIVER + 'format = "data"\ntransport = "mqtt"\n'


@pytest.mark.parametrize(
    ("text", "key", "reason"),
    [
        ("x", "", "not TOML"),
        ("network = 1", "network", "must be a table, not 1"),
        ("devices = 1", "devices", "must be a list"),
        ("[network]\nhttp_port = 70000", "network.http_port", "must be a port"),
        ('[network]\nmulticast_pool = "10.0.0.0/8"', "network.multicast_pool", "not a multicast network"),
        ('[network]\nmulticast_pool = "239.0.0.0/30"', "network.multicast_pool", "fewer than 16"),
        ('[network]\nmulticast_pool = "239.1.2.3/8"', "network.multicast_pool", "must be a network"),
        ('[network]\ninterfaces = ["a", "a"]', "network.interfaces[1]", "already"),
        ("[network]\nmulticast_ttl = 0", "network.multicast_ttl", "1 to 255"),
        ("[network]\nreturn_after_s = -1", "network.return_after_s", "0 to 3600"),
        ("[media]\nlatency_ms = 0", "media.latency_ms", "over 0"),
        ("[discovery]\napi_versions = []", "discovery.api_versions", "one version"),
        ('[discovery]\napi_versions = ["v2.0"]', "discovery.api_versions[0]", "none of"),
        ("[discovery]\nmax_peers = 0", "discovery.max_peers", "1 or more"),
        ('[discovery]\nregistry = "10.0.0.5"', "discovery.registry", "must be like"),
        ('[discovery]\nregistry = "http://reg:99999"', "discovery.registry", "must be like"),
        ('[discovery]\nregistry = "http://reg/x-nmos/registration"', "discovery.registry", "must be like"),
        ('[discovery]\nregistry = "http://reg"\nmode = "peer-to-peer"', "discovery.registry", "never used"),
        ('[discovery]\ndomain = "not a domain"', "discovery.domain", "must be a domain"),
        ('[panel]\nreceiver = "x"', "panel.receiver", "no receiver has the name"),
        (DEVICE + DEVICE, "devices[1].name", "already"),
        ('[[devices]]\nname = ""', "devices[0].name", "printable"),
        (DEVICE + 'label = "a\\u0007"', "devices[0].label", "printable"),
        ('[[senders]]\nname = "s"\ndevice = "e"', "senders[0].device", "no device has the name"),
        ('[media]\ndriver = "ffmpeg"', "media.driver", 'must be "gstreamer" or "command" or "null"'),
        (SENDER + 'driver = "x"', "senders[0].driver", 'must be "gstreamer" or "command" or "null", not "x"'),
        (SENDER + 'driver = "command"', "senders[0].command.argv", "which program"),
        (SENDER + 'command = { argv = ["x"] }', "senders[0].command", "is for the command driver"),
        (
            SENDER + 'driver = "command"\ncommand = { argv = ["x"], sockets = true }',
            "senders[0].command.sockets",
            "is for receivers",
        ),
        (
            SENDER + 'input = { kind = "v4l2" }',
            "senders[0].input.kind",
            'must be "tone" or "silence" or "file" or "alsa"',
        ),
        (
            RECEIVER + 'output = { kind = "kms" }',
            "receivers[0].output.kind",
            'must be "alsa" or "file" or "none" for audio',
        ),
        (SENDER + 'media_type = "audio/AM824"', "senders[0]", '"tone" with 2 channels it cannot do'),
        (RECEIVER + 'media_types = ["audio/AM824"]', "receivers[0].media_types[0]", '"alsa" with 8 channels'),
        (SENDER + 'format = "video"', "senders[0].media_type", "must be video/raw or"),
        (SENDER + 'transport = "mqtt"', "senders[0].transport", "carries no audio"),
        (SENDER + 'event_type = "boolean"', "senders[0].event_type", 'is for format "data"'),
        (SENDER + "fec = true", "senders[0].fec", "the gstreamer driver does no FEC"),
        (RECEIVER + "rtcp = true", "receivers[0].rtcp", "the gstreamer driver does no RTCP"),
        (RECEIVER + 'event_types = ["boolean"]', "receivers[0].event_types", 'is for format "data"'),
        (SENDER + 'format = "data"', "senders[0].media_type", 'events go by transport "websocket"'),
        (EVENT_SENDER, "senders[0].media_type", "application/json for events"),
        (EVENT_SENDER, "senders[0].event_type", "is missing"),
        (EVENT_SENDER + 'event_type = "bool"', "senders[0].event_type", "must begin with boolean"),
        (EVENT_SENDER + "channels = 3", "senders[0].channels", "is for audio"),
        (EVENT_SENDER + "fec = true", "senders[0].fec", "is for RTP"),
        (EVENT_SENDER + "legs = [{}, {}]", "senders[0].legs", "only RTP has pairs"),
        (EVENT_SENDER + 'legs = [{ source_ip = "10.0.0.1" }]', "senders[0].legs[0].source_ip", "this is websocket"),
        (EVENT_RECEIVER, "receivers[0].media_types", "application/json"),
        (EVENT_RECEIVER, "receivers[0].event_types", "one event type"),
        (EVENT_RECEIVER + 'event_types = ["string", "x"]', "receivers[0].event_types[1]", "must begin with"),
        ("[events.mqtt_broker]", "events.mqtt_broker.host", "is missing"),
        ('[events.mqtt_broker]\nhost = "a b"', "events.mqtt_broker.host", "a host name or an IP address"),
        ('[events.mqtt_broker]\nhost = "b"\nport = 0', "events.mqtt_broker.port", "a port"),
        (SENDER + 'group_hint = "x"', "senders[0].group_hint", "group:role"),
        (SENDER + "legs = []", "senders[0].legs", "one or two"),
        (SENDER + "legs = [{}, {}, {}]", "senders[0].legs", "one or two"),
        (SENDER + 'legs = [{ source_ip = "x" }]', "senders[0].legs[0].source_ip", "an IP address"),
        (SENDER + 'legs = [{ destination_ip = "10.0.0.1" }]', "senders[0].legs[0].destination_ip", "multicast address"),
        (SENDER + "legs = [{ destination_port = 0 }]", "senders[0].legs[0].destination_port", "a port"),
        (SENDER + 'transport = "rtp.ucast"', "senders[0].legs[0].destination_ip", "where to send"),
        (SENDER + 'media_type = "audio/L8"', "senders[0].media_type", "must be audio/L16 or audio/L24 or audio/AM824"),
        (SENDER + "sample_rate = 1", "senders[0].sample_rate", "must be one of"),
        (SENDER + "channels = 0", "senders[0].channels", "1 to 64"),
        (SENDER + "channels = 64", "senders[0].channels", "shorten packet_time_ms"),
        (SENDER + "packet_time_ms = 7", "senders[0].packet_time_ms", "must be one of"),
        (SENDER + 'input = { kind = "file" }', "senders[0].input.path", "which file"),
        (SENDER + "input = { frequency_hz = 90000 }", "senders[0].input.frequency_hz", "half the sample rate"),
        (SENDER + "input = { level_db = 3 }", "senders[0].input.level_db", "-120 to 0"),
        (RECEIVER + "media_types = []", "receivers[0].media_types", "one media type"),
        (RECEIVER + 'media_types = ["video/raw"]', "receivers[0].media_types[0]", "must be audio/L16"),
        (RECEIVER + "sample_rates = [7]", "receivers[0].sample_rates[0]", "must be one of"),
        (RECEIVER + "max_channels = 65", "receivers[0].max_channels", "1 to 64"),
        (RECEIVER + 'output = { kind = "file" }', "receivers[0].output.path", "which file"),
        (RECEIVER + 'output = { kind = "tape" }', "receivers[0].output.kind", 'must be "alsa"'),
    ],
)
def test_each_error_names_its_key_and_the_reason(text: str, key: str, reason: str) -> None:
    found = problems(text)
    assert key in found
    assert reason in found[key]


def test_a_file_that_is_not_text_or_too_large_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "bad.toml"
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="not UTF-8"):
        load(file)
    file.write_bytes(b"#" * 2_000_000)
    with pytest.raises(ConfigError, match="over 1048576 bytes"):
        load(file)


_values = st.recursive(
    st.one_of(st.text(max_size=8), st.integers(), st.booleans()), lambda v: st.lists(v, max_size=3), max_leaves=5
)


@given(st.dictionaries(st.sampled_from(["node", "network", "devices", "senders", "media", "x"]), _values))
def test_whatever_the_document_holds_it_is_a_config_or_a_config_error(document: dict[str, object]) -> None:
    text = "\n".join(f"{key} = {_toml(value)}" for key, value in document.items())
    with contextlib.suppress(ConfigError):
        parse(text)


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return (
            '"' + "".join(c if c.isalnum() and c.isascii() else f"\\U{ord(c):08X}" for c in value if c < "\ud800") + '"'
        )
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return str(value)


@pytest.mark.parametrize(
    ("screen", "key", "reason"),
    [
        ('name = "a"\nwidth = 8', "panel.screens[0].width", "must be from 64 to 512, not 8"),
        ('name = "a"\nrotate = 4', "panel.screens[0].rotate", "must be from 0 to 3, not 4"),
        ('name = "a"\ndisplay = "png"', "panel.screens[0].file", "is missing: where the picture is to go"),
        ('name = "a"\nfile = "x.png"', "panel.screens[0].file", "is for the display png"),
        ('name = "a"\nreceiver = "x"', "panel.screens[0].receiver", 'no receiver has the name "x"'),
        ("width = 128", "panel.screens[0].name", "is missing"),
    ],
)
def test_a_small_screen_that_cannot_be(screen: str, key: str, reason: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(f"[[panel.screens]]\n{screen}")
    assert caught.value.problems == ((key, reason),)
