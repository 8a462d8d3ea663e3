"""Whose address is whose."""

import pytest

from appliance.discovery.contact import ContactPolicy, Myself

ME = ContactPolicy(Myself("me", frozenset({"10.1.0.3", "fe80::3", "127.0.0.1"}), 8080))


@pytest.mark.parametrize(
    ("addresses", "port", "me"),
    [
        (("10.1.0.3",), 8080, True),
        (("10.1.0.4", "10.1.0.3"), 8080, True),
        (("fe80::3%eth0",), 8080, True),
        (("10.1.0.3",), 80, False),
        (("10.1.0.4", "127.0.0.1"), 8080, False),
        (("127.0.0.1",), 8080, True),
        (("127.0.0.1",), 8081, False),
        ((), 8080, False),
    ],
)
def test_only_what_is_ours_alone_tells_that_it_is_us(addresses: tuple[str, ...], port: int, me: bool) -> None:
    assert ME.is_me(addresses, port) is me
