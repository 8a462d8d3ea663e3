"""Addresses however they are written, in networks or not."""

import pytest

from appliance.network.ranges import NO_RANGES, Ranges

RANGES = Ranges(("10.1.0.0/16", "192.168.7.7", "fd00:1::/32", "fe80::/10"))


@pytest.mark.parametrize(
    ("ip", "inside"),
    [
        ("10.1.2.3", True),
        ("10.2.2.3", False),
        ("192.168.7.7", True),
        ("192.168.7.8", False),
        ("::ffff:10.1.2.3", True),
        ("::ffff:10.2.2.3", False),
        ("fd00:1::5", True),
        ("fd00:2::5", False),
        ("fe80::1%eth0", True),
        ("::a01:203", False),  # 10.1.2.3 in a form that nobody routes
        ("10.1", False),
        ("0x0a010203", False),
        ("", False),
    ],
)
def test_however_an_address_is_written(ip: str, inside: bool) -> None:
    assert RANGES.has(ip) is inside


def test_no_networks_have_nobody() -> None:
    assert not NO_RANGES
    assert not NO_RANGES.has("10.1.2.3")


def test_what_is_no_network_is_refused() -> None:
    with pytest.raises(ValueError, match="host bits"):
        Ranges(("10.0.0.1/8",))
