"""What [access] may say."""

import pytest

from appliance.config.loader import parse
from appliance.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('read = ["10.0.0.1/8"]', "access.read[0]"),
        ('change = ["10.0.0.0/8", "studio"]', "access.change[1]"),
        ('contact = ["10.0.0.0/33"]', "access.contact[0]"),
        ('read = "10.0.0.0/8"', "access.read"),
        ('origins = ["*", "http://a"]', "access.origins[0]"),
        ('origins = ["http://a/"]', "access.origins[0]"),
        ('origins = ["http://a/x"]', "access.origins[0]"),
        ('origins = ["http://A"]', "access.origins[0]"),
        ('origins = ["a"]', "access.origins[0]"),
        ('origins = ["null"]', "access.origins[0]"),
        ('origins = ["http://a:80"]', "access.origins[0]"),
        ('origins = ["http://a:x"]', "access.origins[0]"),
        ('origins = ["http://u@a"]', "access.origins[0]"),
        ('origins = ["http://a\\r\\nX: y"]', "access.origins[0]"),
        ('origins = ["ws://a"]', "access.origins[0]"),
    ],
)
def test_what_is_refused(text: str, key: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse(f"[access]\n{text}\n")
    assert [problem for problem, _ in refused.value.problems] == [key]


def test_what_is_taken() -> None:
    access = parse(
        '[access]\nread = ["10.0.0.0/8", "fd00::/8", "10.0.0.7"]\norigins = ["http://a", "https://b.c:8443", "http://[::1]:81"]\n'
    ).access
    assert access.read == ("10.0.0.0/8", "fd00::/8", "10.0.0.7")
    assert access.origins == ("http://a", "https://b.c:8443", "http://[::1]:81")
    assert parse("[access]\norigins = []\n").access.origins == ()
