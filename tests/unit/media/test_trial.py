"""What a configuration asks of drivers that cannot do it."""

from dataclasses import replace

from appliance.config.model import Config, Format, InputConfig, OutputConfig, ReceiverConfig, SenderConfig, Transport
from appliance.media.drivers import engines
from appliance.media.engine import Tools
from appliance.media.trial import missing, never

SENDER = SenderConfig("s", "d")
RECEIVER = ReceiverConfig("r", "d", media_types=("audio/L24", "audio/AM824"), output=OutputConfig("none"))


def test_what_can_be_done_is_not_mentioned() -> None:
    assert not list(never(Config(senders=(SENDER,), receivers=(RECEIVER,))))
    events = replace(SENDER, format=Format.DATA, transport=Transport.MQTT, media_type="application/json")
    assert not list(never(Config(senders=(events,)))), "events are nobody's here"


def test_what_can_never_be_done_is_named_by_its_key() -> None:
    aes3 = replace(SENDER, media_type="audio/AM824", input=InputConfig("tone"))
    wide = replace(RECEIVER, max_channels=64)
    found = dict(never(Config(senders=(SENDER, aes3), receivers=(wide,))))
    assert set(found) == {"senders[1]", "receivers[0].media_types[1]"}
    assert "AM824" in found["senders[1]"]


def test_what_is_only_not_installed_is_another_matter() -> None:
    config = Config(senders=(SENDER,), receivers=(replace(RECEIVER, driver="null"),))
    found = list(missing(config, engines(config.media, Tools(lambda program: None))))
    assert [(endpoint.name, media_type) for endpoint, media_type, _ in found] == [("s", "audio/L24")]
    assert "is not installed" in found[0][2]
    assert not list(missing(config, engines(config.media, Tools(lambda program: program))))
