"""What [authorization] must keep to."""

import pytest

from appliance.config.loader import parse
from appliance.errors import ConfigError

SECURE = '[tls]\ncertificates = ["box.pem"]\n'


def test_one_line_turns_it_on() -> None:
    config = parse(f"authorization.enabled = true\n{SECURE}")
    assert config.authorization.enabled
    assert config.authorization.scopes == ("registration", "events")
    assert not parse("").authorization.enabled


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ('server = "http://auth.example.com"', "authorization.server"),
        ('server = "https://auth.example.com/?a=b"', "authorization.server"),
        ('server = "https://user@auth.example.com"', "authorization.server"),
        ('server = "auth.example.com"', "authorization.server"),
        ('server = "https://["', "authorization.server"),
        ('scopes = ["everything"]', r"authorization.scopes\[0\]"),
        ("enabled = true\nscopes = []", "authorization.scopes"),
        ('client_id = "a"', "authorization.client_secret"),
        ('client_secret = "a"', "authorization.client_id"),
        ('client_id = "a"\nclient_secret = "a b"', "authorization.client_secret"),
        ('initial_token = ""', "authorization.initial_token"),
        ('audience = ["https://box"]', r"authorization.audience\[0\]"),
    ],
)
def test_what_is_refused(line: str, named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        parse(f"{SECURE}[authorization]\n{line}\n")


def test_tokens_are_for_tls_only() -> None:
    with pytest.raises(ConfigError, match=r"authorization\.enabled.*tls"):
        parse("authorization.enabled = true")


def test_secrets_are_not_shown() -> None:
    config = parse('[authorization]\nclient_id = "a"\nclient_secret = "hush"\ninitial_token = "hush"\n')
    assert "hush" not in repr(config)
