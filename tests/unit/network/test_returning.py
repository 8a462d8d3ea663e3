"""When a port that came back is trusted again."""

from appliance.network.returning import Returning
from tests.unit.network.hosts import host, interface

RED = interface("eth0", "10.1.0.3/24")
BLUE = interface("eth1", "10.2.0.3/24", index=3)
BOTH, BLUE_ONLY = host(RED, BLUE), host(BLUE)


def test_what_was_there_from_the_beginning_is_trusted_and_nothing_is_due() -> None:
    returning = Returning(BOTH, 35)
    returning.observe(BOTH, 100)
    assert returning.trusted("eth0")
    assert returning.due() is None
    assert not returning.back


def test_what_came_is_back_after_its_time_and_trusted_from_then_on() -> None:
    returning = Returning(BOTH, 35)
    returning.observe(BLUE_ONLY, 10)
    returning.observe(BOTH, 20)
    assert not returning.trusted("eth0")
    assert returning.trusted("eth1")
    assert returning.due() == 55
    returning.observe(BOTH, 54.9)
    assert not returning.back
    returning.observe(BOTH, 55)
    assert returning.back == {"eth0"}
    assert returning.trusted("eth0")
    assert returning.due() is None
    returning.welcomed()
    returning.observe(BOTH, 60)
    assert not returning.back
    assert returning.trusted("eth0")


def test_what_goes_meanwhile_begins_anew() -> None:
    returning = Returning(BLUE_ONLY, 35)
    returning.observe(BOTH, 20)
    returning.observe(BLUE_ONLY, 50)
    assert returning.due() is None
    returning.observe(BOTH, 51)
    assert returning.due() == 86


def test_no_time_at_all() -> None:
    returning = Returning(BLUE_ONLY, 0)
    returning.observe(BOTH, 20)
    assert returning.back == {"eth0"}
