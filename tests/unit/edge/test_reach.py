"""Where others are: who is asked for a name, and in which order."""

import pytest

from appliance.discovery.contact import ContactPolicy
from appliance.edge.reach import Reach
from appliance.edge.tls import Tls
from tests.support.leaks import run


class Names:
    """``announced`` by nodes, ``said`` by mDNS; ``asked`` are the names that mDNS was asked for."""

    def __init__(self, announced: tuple[str, ...] = (), said: tuple[str, ...] = ()) -> None:
        self.said = said
        self.asked: list[str] = []
        self.reach = Reach(ContactPolicy, lambda host, scheme: announced, Tls(None), self.look_up)

    async def look_up(self, host: str) -> tuple[str, ...]:
        self.asked.append(host)
        return self.said

    def resolve(self, host: str) -> list[str]:
        return list(run(self.reach.resolve(host, 1883, "mqtt")))


def test_what_nodes_announced_comes_first() -> None:
    names = Names(("10.0.0.5",), ("10.0.0.6",))
    assert names.resolve("box.local") == ["10.0.0.5"]
    assert names.asked == []


@pytest.mark.parametrize("host", ["broker.local", "BROKER.Local."])
def test_then_mdns_where_the_name_is_its_own(host: str) -> None:
    names = Names(said=("10.0.0.6", "fd00::6"))
    assert names.resolve(host) == ["10.0.0.6", "fd00::6"]
    assert names.asked == [host]


def test_then_the_c_library() -> None:
    names = Names(said=("10.0.0.6",))
    assert names.resolve("192.0.2.7") == ["192.0.2.7"]
    assert names.asked == []
    nobody = Names()
    with pytest.raises(UnicodeError):  # which it says at once, whatever DNS there is
        nobody.resolve("a..local")
    assert nobody.asked == ["a..local"]
