"""Whose address is whose."""

import pytest

from appliance.discovery.contact import ContactPolicy, Myself
from appliance.network.ranges import Ranges

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


NOWHERE = [
    "127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "::7f00:1",  # this host, in every form
    "10.1.0.3", "::ffff:10.1.0.3", "fe80::3", "fe80::3%eth0",  # by its own addresses
    "0.0.0.0", "::", "::ffff:0.0.0.0", "255.255.255.255", "240.0.0.1",  # nobody's
    "224.0.0.251", "239.1.1.1", "ff02::fb",  # groups
    "64:ff9b::7f00:1",  # IPv4 behind a translator
    "169.254.169.254", "::ffff:169.254.169.254", "fd00:ec2::254",  # where clouds keep secrets
    "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "１２７.0.0.1", "localhost", "", "[10.0.0.2]",  # none
]  # fmt: skip


@pytest.mark.parametrize("ip", NOWHERE)
@pytest.mark.parametrize("port", [80, 8080])
def test_nobody_can_send_this_box_there(ip: str, port: int) -> None:
    assert not ME.permitted(ip, port)
    everywhere = ContactPolicy(ME.me, contact=Ranges(("0.0.0.0/0", "::/0")))
    assert not everywhere.for_controllers(ip, port)
    assert not everywhere.for_controller_at(ip, ip, port)


@pytest.mark.parametrize("ip", ["10.1.0.4", "169.254.7.9", "fe80::4%eth0", "fd00::4", "8.8.8.8", "::ffff:10.1.0.4"])
def test_any_other_host_may_be_asked_where_somebody_may_name_it(ip: str) -> None:
    assert ME.permitted(ip, 80)
    assert ME.for_controllers(ip, 80)


def test_allowed_local_is_any_program_here_but_this() -> None:
    local = ContactPolicy(ME.me, allow_local=True)
    assert [local.permitted(ip, 8081) for ip in ("127.0.0.1", "::1", "10.1.0.3")] == [True] * 3
    assert [local.permitted(ip, 8080) for ip in ("127.0.0.1", "10.1.0.3")] == [False] * 2


def test_controllers_send_it_to_the_configured_networks_only() -> None:
    policy = ContactPolicy(ME.me, contact=Ranges(("10.1.0.0/16",)))
    assert policy.for_controllers("10.1.9.9", 80)
    assert not policy.for_controllers("10.2.0.1", 80)


@pytest.mark.parametrize(
    ("remote", "ip", "contact", "fetched"),
    [
        ("10.1.0.9", "10.1.0.9", (), True),  # its own file
        ("::ffff:10.1.0.9", "10.1.0.9", (), True),
        ("fe80::9%eth0", "fe80::9%eth0", (), True),
        ("10.1.0.9", "10.1.0.8", (), False),  # somebody else's, whom nobody named
        ("", "", (), False),
        ("10.1.0.9", "10.1.0.8", ("10.1.0.0/24",), True),
        ("10.1.0.9", "10.2.0.8", ("10.1.0.0/24",), False),
        ("10.2.0.9", "10.2.0.9", ("10.1.0.0/24",), True),
    ],
)
def test_a_file_is_fetched_from_who_asks_and_from_no_third(
    remote: str, ip: str, contact: tuple[str, ...], fetched: bool
) -> None:
    assert ContactPolicy(ME.me, contact=Ranges(contact)).for_controller_at(remote, ip, 80) is fetched
