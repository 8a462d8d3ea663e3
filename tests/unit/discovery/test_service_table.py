"""What is known of services that are announced, whatever kind they are."""

from dataclasses import dataclass

import pytest

from appliance.discovery.records import Announced, Instance, Silent, Withdrawn
from appliance.discovery.service_table import Lots, ServiceTable, best_first, url_of
from appliance.discovery.txt import pack

TYPE = "_nmos-register._tcp.local."
OTHER_TYPE = "_nmos-registration._tcp.local."


def instance(label: str = "a", *ips: str, type: str = TYPE) -> Instance:
    return Instance(f"{label}.{type}", "host.local.", 80, ips or ("10.0.0.1",), pack({"api_proto": "http"}))


def table(*instances: Instance, most: int = 10) -> ServiceTable:
    made = ServiceTable(most)
    for each in instances:
        made.handle_event(Announced(each))
    return made


def labels(known: ServiceTable) -> list[str]:
    return [instance.label for instance in known.instances()]


def test_what_is_announced_is_there_until_it_is_withdrawn() -> None:
    known = table(instance("a"), instance("b"))
    assert labels(known) == ["a", "b"]
    known.handle_event(Withdrawn(f"A.{TYPE}"))
    known.handle_event(Withdrawn(f"never there.{TYPE}"))
    assert labels(known) == ["b"]


def test_what_falls_silent_stays_and_is_known_to_be_silent() -> None:
    one = instance("a")
    known = table(one)
    known.handle_event(Silent(one.name.upper()))
    assert known.instances() == [one]
    assert known.is_silent(one)
    known.handle_event(Announced(one))
    assert not known.is_silent(one)
    known.handle_event(Silent(one.name))
    known.handle_event(Withdrawn(one.name))
    known.handle_event(Announced(one))
    assert not known.is_silent(one)


def test_the_newest_announcement_counts() -> None:
    known = table(instance("a"), instance("a", "10.0.0.9"))
    assert [one.addresses for one in known.instances()] == [("10.0.0.9",)]


def test_an_announcement_tells_which_places_it_is_about() -> None:
    urls = {"http://10.0.0.1:80", "http://[fd00::1]:80"}
    assert table().handle_event(Announced(instance("a", "10.0.0.1", "fd00::1"))) == urls
    assert table().handle_event(Silent("a")) == table().handle_event(Withdrawn("a")) == frozenset()


def test_unicast_takes_the_place_of_mdns_type_by_type() -> None:
    """IS-04 Discovery, "Unicast vs. Multicast DNS-SD"."""
    known = table(instance("mdns"), instance("other", type=OTHER_TYPE))
    by_dns = instance("dns", "10.0.0.2")
    assert not known.has_unicast(TYPE)
    assert known.handle_unicast(TYPE, [by_dns]) == {"http://10.0.0.2:80"}
    assert known.has_unicast(TYPE)
    assert labels(known) == ["other", "dns"]
    assert known.handle_unicast(TYPE, [by_dns]) == frozenset()
    assert known.handle_unicast(TYPE, []) == frozenset()
    assert labels(known) == ["mdns", "other"]


@pytest.mark.parametrize("label", ["A", "a._b", "a._nmos-node._tcp.local"])
def test_no_name_gets_past_what_unicast_says(label: str) -> None:
    known = table(instance(label))
    known.handle_unicast(TYPE, [instance("dns")])
    assert labels(known) == ["dns"]


def test_strangers_are_bounded_and_push_nobody_out() -> None:
    crowd = [instance(f"n{number}") for number in range(9)]
    known = table(*crowd, most=3)
    assert labels(known) == ["n0", "n1", "n2"]
    assert known.handle_event(Announced(crowd[5])) == frozenset()
    assert known.handle_event(Announced(crowd[1])) != frozenset()
    known.handle_event(Silent(crowd[5].name))
    assert not known.is_silent(crowd[5])
    known.handle_unicast(TYPE, crowd)
    assert labels(known) == ["n0", "n1", "n2"]


@dataclass(frozen=True)
class Named:
    url: str
    number: int = 0


def test_of_two_for_one_place_the_better_stands_where_it_would_stand_alone() -> None:
    ranked = [((3,), Named("a", 3)), ((2,), Named("b")), ((1,), Named("a", 1)), ((2,), Named("c"))]
    assert best_first(ranked) == (Named("a", 1), Named("b"), Named("c"))


def test_each_place_draws_one_lot() -> None:
    numbers = iter((0.1, 0.2, 0.3, 0.4, 0.5))
    lots = Lots(lambda: next(numbers), most=1)
    first = lots.of("a")
    assert lots.of("a") == first != lots.of("b")


def test_a_url_has_brackets_around_ipv6() -> None:
    assert url_of("fd00::1", 443, "https") == "https://[fd00::1]:443"
