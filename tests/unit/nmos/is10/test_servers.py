"""Which authorization servers are announced, and in which order they are asked."""

import pytest

from appliance.discovery.records import Announced, Evidence, Instance, Silent, Withdrawn
from appliance.discovery.txt import pack
from appliance.nmos.is10.servers import AUTH_TYPE, AuthServers, addresses_of

GOOD = {"api_proto": "https", "api_ver": "v1.0", "pri": "10"}


def instance(name: str, server: str = "auth.local.", ip: str = "192.0.2.5", port: int = 443, **txt: str) -> Instance:
    return Instance(f"{name}.{AUTH_TYPE}", server, port, (ip,), pack(GOOD | txt))


def table(*instances: Instance, development: bool = False) -> AuthServers:
    servers = AuthServers(lambda: 0.5, development=development)
    for each in instances:
        servers.handle_event(Announced(each, Evidence.CHANGE))
    return servers


def urls(servers: AuthServers) -> list[str]:
    return [place.url for place in servers.places()]


WELL_KNOWN = "/.well-known/oauth-authorization-server"


@pytest.mark.parametrize(
    ("selector", "path"),
    [(None, ""), ("", ""), ("x-nmos/auth/v1.0", "/x-nmos/auth/v1.0"), ("/realm/", "/realm")],
)
def test_where_it_is(selector: str | None, path: str) -> None:
    txt = {} if selector is None else {"api_selector": selector}
    assert urls(table(instance("a", port=8443, **txt))) == [f"https://auth.local:8443{WELL_KNOWN}{path}"]


@pytest.mark.parametrize(
    "bad",
    [
        instance("a", api_proto="http"),
        instance("a", api_ver="v2.0"),
        instance("a", pri="100"),
        instance("a", api_selector="a b"),
        instance("a", api_selector="a?x=y"),
        instance("a", server="a b.local."),
        instance("a", server="."),
        instance("a", port=0),
    ],
)
def test_what_is_of_no_use(bad: Instance) -> None:
    assert not table(bad).places()


def test_order() -> None:
    servers = table(
        instance("a", "low.local.", pri="20"),
        instance("b", "silent.local.", pri="0"),
        instance("c", "best.local.", pri="1"),
        instance("d", "none.local.", pri="1x"),
    )
    servers.handle_event(Silent(f"B.{AUTH_TYPE}"))
    hosts = [place.host for place in servers.places()]
    assert hosts == ["best.local", "low.local", "none.local", "silent.local"]
    servers.handle_event(Withdrawn(f"c.{AUTH_TYPE}"))
    assert [place.host for place in servers.places()] == ["low.local", "none.local", "silent.local"]


def test_unicast_takes_the_place_of_multicast() -> None:
    servers = table(instance("a"))
    servers.handle_unicast(AUTH_TYPE, [instance("u", "auth.example.com.", "198.51.100.1")])
    assert servers.has_unicast(AUTH_TYPE)
    (place,) = servers.places()
    assert (place.host, place.addresses) == ("auth.example.com", ("198.51.100.1",))


def test_development_is_for_those_who_want_it() -> None:
    assert table(instance("a", pri="100"), development=True).places()


def test_addresses() -> None:
    servers = table(instance("a"), instance("b", "two.local.", "127.0.0.1"), instance("c", "three.local.", "224.0.0.9"))
    assert addresses_of(servers.places()) == {"auth.local": "192.0.2.5"}
