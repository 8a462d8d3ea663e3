"""Which registries are used, and in which order (IS-04 Discovery - Registered Operation, Upgrade Path)."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from appliance.discovery.records import Announced, Instance, Silent
from appliance.discovery.registration.services import (
    LEGACY_REGISTER_TYPE,
    REGISTER_TYPE,
    SYSTEM_TYPE,
    Services,
    registration_types,
)
from appliance.discovery.txt import pack

GOOD = {"api_proto": "http", "api_ver": "v1.2,v1.3", "api_auth": "false", "pri": "10"}
ALL = ("v1.0", "v1.1", "v1.2", "v1.3")


def lots(*numbers: float) -> Iterator[float]:
    yield from numbers
    while True:
        yield 0.5


def services(*numbers: float, versions: Sequence[str] = ALL, authorized: bool = False, **more: bool) -> Services:
    drawn = lots(*numbers)
    return Services(versions, lambda: next(drawn), authorized=lambda: authorized, **more)


def instance(
    label: str = "reg",
    *,
    type: str = REGISTER_TYPE,
    addresses: Sequence[str] = ("10.0.0.1",),
    port: int = 80,
    **txt: str,
) -> Instance:
    records = {key: value for key, value in {**GOOD, **txt}.items() if value != "-"}
    return Instance(f"{label}.{type}", f"{label}.local.", port, tuple(addresses), pack(records))


def found(table: Services, *instances: Instance) -> list[str]:
    for each in instances:
        table.handle_event(Announced(each))
    return [candidate.url for candidate in table.candidates()]


def test_a_registry_is_found_with_the_highest_common_version() -> None:
    table = services(versions=("v1.1", "v1.2"))
    found(table, instance())
    (candidate,) = table.candidates()
    assert (candidate.url, candidate.version, candidate.priority) == ("http://10.0.0.1:80", "v1.2", 10)
    assert candidate.name == "reg"


@pytest.mark.parametrize(
    ("txt", "why"),
    [
        ({"api_proto": "invalid"}, "invalid"),
        ({"api_proto": ""}, "none"),
        ({"api_auth": "true"}, "authorization"),
        ({"api_ver": "v9.0"}, "v9.0"),
        ({"api_ver": "nonsense"}, "no version"),
        ({"pri": "100"}, "development"),
        ({"pri": "2147483647"}, "development"),
    ],
)
def test_what_cannot_be_used_is_left_out_and_named(txt: dict[str, Any], why: str) -> None:
    table = services()
    assert found(table, instance(**txt)) == []
    (said,) = table.unsuitable()
    assert said.startswith("reg: ")
    assert why in said


def test_registries_for_development_can_be_allowed() -> None:
    assert found(services(development=True), instance(pri="100")) != []


def test_what_v1_0_did_not_know_may_be_missing() -> None:
    table = services()
    found(table, instance(api_proto="-", api_ver="-", api_auth="-", pri="-"))
    (candidate,) = table.candidates()
    assert (candidate.version, candidate.priority) == ("v1.0", 99)


@pytest.mark.parametrize("pri", ["", "-5", "1e3", "ten", "9" * 40])
def test_a_priority_that_is_none_makes_it_the_last_choice(pri: str) -> None:
    table = services()
    urls = found(table, instance("odd", addresses=["10.0.0.9"], pri=pri), instance("good", pri="98"))
    assert urls == ["http://10.0.0.1:80", "http://10.0.0.9:80"]


def test_the_version_goes_before_the_priority() -> None:
    """IS-04 Upgrade Path, "Requirements for Nodes"."""
    table = services()
    old = instance("old", addresses=["10.0.0.1"], api_ver="v1.2", pri="0")
    new = instance("new", addresses=["10.0.0.2"], api_ver="v1.3", pri="50")
    mid = instance("mid", addresses=["10.0.0.3"], api_ver="v1.3", pri="20")
    assert found(table, old, new, mid) == ["http://10.0.0.3:80", "http://10.0.0.2:80", "http://10.0.0.1:80"]


@pytest.mark.parametrize(("numbers", "first"), [((0.1, 0.9), "10.0.0.1"), ((0.9, 0.1), "10.0.0.2")])
def test_ties_fall_at_random_and_stay_so(numbers: tuple[float, float], first: str) -> None:
    table = services(*numbers)
    found(table, instance("a", addresses=["10.0.0.1"]), instance("b", addresses=["10.0.0.2"]))
    for _ in range(3):
        assert table.candidates()[0].url == f"http://{first}:80"


def test_one_registry_under_both_types_is_one_candidate() -> None:
    table = services()
    assert len(found(table, instance(), instance(type=LEGACY_REGISTER_TYPE), instance("also"))) == 1


def test_of_two_announcements_for_one_place_the_better_counts() -> None:
    table = services()
    found(table, instance(type=LEGACY_REGISTER_TYPE, api_ver="v1.2"), instance(api_ver="v1.3"))
    (candidate,) = table.candidates()
    assert candidate.version == "v1.3"


def test_a_place_stands_where_its_best_announcement_does() -> None:
    table = services()
    both = instance("both", addresses=["10.0.0.1"]), instance("both", type=LEGACY_REGISTER_TYPE, api_ver="v1.2")
    assert found(table, *both, instance("next", addresses=["10.0.0.2"], pri="50")) == [
        "http://10.0.0.1:80",
        "http://10.0.0.2:80",
    ]


def test_every_address_of_a_registry_is_a_place_to_try() -> None:
    table = services()
    urls = found(
        table,
        instance("a", addresses=["10.0.0.1", "fd00::1", "fe80::1%2"], pri="1"),
        instance("b", addresses=["10.0.0.2"], pri="2"),
    )
    assert urls == ["http://10.0.0.1:80", "http://[fd00::1]:80", "http://[fe80::1%2]:80", "http://10.0.0.2:80"]


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "::1", "0.0.0.0", "224.0.0.1", "ff02::fb", "169.254.169.254", "::ffff:127.0.0.1", "nonsense"],
)
def test_no_announcement_leads_to_loopback_or_to_no_host(address: str) -> None:
    assert found(services(), instance(addresses=[address])) == []


def test_loopback_may_be_allowed() -> None:
    assert found(services(allow_local=True), instance(addresses=["127.0.0.1"])) == ["http://127.0.0.1:80"]


def test_this_box_itself_is_never_a_registry() -> None:
    table = services()
    found(table, instance(addresses=["10.0.0.1"], port=8080))
    assert table.candidates(own={("10.0.0.1", 8080)}) == ()
    assert len(table.candidates(own={("10.0.0.1", 80)})) == 1


def test_what_falls_silent_is_the_last_choice_until_it_is_heard() -> None:
    table = services()
    best = instance("best", addresses=["10.0.0.1"], pri="0")
    found(table, best, instance("other", addresses=["10.0.0.2"], api_ver="v1.0"))
    table.handle_event(Silent(best.name.upper()))
    assert [candidate.name for candidate in table.candidates()] == ["other", "best"]
    table.handle_event(Announced(best))
    assert [candidate.name for candidate in table.candidates()] == ["best", "other"]


def test_unicast_takes_the_place_of_mdns_type_by_type() -> None:
    """IS-04 Discovery, "Unicast vs. Multicast DNS-SD"."""
    table = services()
    found(table, instance("by-mdns", addresses=["10.0.0.1"]))
    found(table, instance("legacy", type=LEGACY_REGISTER_TYPE, addresses=["10.0.0.3"]))
    by_dns = instance("by-dns", addresses=["10.0.0.2"])
    assert table.handle_unicast(REGISTER_TYPE, [by_dns]) == {"http://10.0.0.2:80"}
    assert table.has_unicast(REGISTER_TYPE)
    assert {candidate.name for candidate in table.candidates()} == {"by-dns", "legacy"}
    assert table.handle_unicast(REGISTER_TYPE, [by_dns]) == frozenset()
    table.handle_unicast(REGISTER_TYPE, [])
    assert {candidate.name for candidate in table.candidates()} == {"by-mdns", "legacy"}


@pytest.mark.parametrize(
    ("versions", "types"),
    [(("v1.3",), (REGISTER_TYPE,)), (("v1.2", "v1.3"), (REGISTER_TYPE, LEGACY_REGISTER_TYPE))],
)
def test_the_old_type_is_for_old_versions(versions: tuple[str, ...], types: tuple[str, ...]) -> None:
    assert registration_types(versions) == types


def test_the_system_api_is_found_in_the_same_way() -> None:
    table = services(versions=("v1.0",))
    assert found(table, instance(type=SYSTEM_TYPE, api_ver="v1.0", api_auth="-")) == ["http://10.0.0.1:80"]


@pytest.mark.parametrize(("authorized", "api_auth"), [(True, "true"), (True, "false"), (False, "true"), (False, "-")])
def test_only_services_whose_authorization_fits_are_used(authorized: bool, api_auth: str) -> None:
    table = services(authorized=authorized)
    fits = authorized is (api_auth == "true")
    assert bool(found(table, instance(api_auth=api_auth))) is fits
    assert bool(table.unsuitable()) is not fits
