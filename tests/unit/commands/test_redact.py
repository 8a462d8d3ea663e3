"""What a report must not tell."""

from pathlib import Path

import pytest

from appliance.commands.redact import REMOVED, Redaction, exposed
from appliance.config.authorization import AuthorizationConfig
from appliance.config.model import BrokerConfig, Config, EventsConfig


@pytest.mark.parametrize(
    "text",
    [
        'password = "hush"',
        "mqtt_password='hush'",
        'broker = { host = "b", password = "hush", port = 1 }',
        'api_key = """\nhush\n"""',
        '{"client_secret": "hush"}',
        '"password":"a\\"hush"',
        'registry = "http://user:hush@10.0.0.1/"',
        "connecting to mqtt://hush@broker",
        "GET /x?access_token=hush&a=b",
        "Authorization: Digest hush",
        "with bearer hush.hush.hush",
        "-----BEGIN EC PRIVATE KEY-----\nhush\n-----END EC PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\nhush",
        "token eyJhbGciOiJI.hush.hush",
    ],
)
def test_a_secret_is_known_by_its_looks(text: str) -> None:
    redacted = Redaction().of(text)
    assert "hush" not in redacted
    assert REMOVED in redacted


@pytest.mark.parametrize(
    "text",
    [
        'label = "Pass door"',
        'registry = "http://10.0.0.1:8235/"',
        "authorization = false",
        "2001:db8::1 dev eth0 src fe80::1",
        '{"api_auth": "false", "label": "Basic mixer"}',
        "user@host is no URL",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert Redaction().of(text) == text


def test_what_the_configuration_keeps_secret_is_found_everywhere() -> None:
    redaction = Redaction('[mqtt]\npassword = "xyzzy-plugh"\n[tls]\nsecrets = ["open sesame"]\nname = "plain"\n')
    redacted = redaction.of("login as xyzzy-plugh failed: open sesame; plain")
    assert redacted == f"login as {REMOVED} failed: {REMOVED}; plain"


def test_a_configuration_that_cannot_be_read_is_redacted_by_looks() -> None:
    text = '[broken\npassword = "hush"'
    assert "hush" not in Redaction(text).of(text)


def test_a_configuration_with_a_secret_is_not_for_everybody(tmp_path: Path) -> None:
    file = tmp_path / "appliance.toml"
    file.touch(0o644)
    file.chmod(0o644)
    client = AuthorizationConfig(server="https://auth.example.com", client_id="box", client_secret="s3cr3t")
    broker = EventsConfig(mqtt_broker=BrokerConfig("broker", password="s3cr3t"))
    for config in (Config(authorization=client), Config(events=broker)):
        (said,) = exposed(file, config)
        assert "s3cr3t" not in said
    assert not list(exposed(file, Config(authorization=AuthorizationConfig(server="https://auth.example.com"))))
    file.chmod(0o640)
    assert not list(exposed(file, Config(authorization=client)))
