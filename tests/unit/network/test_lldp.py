"""What lldpcli prints: as lldpd 1.0.16 does, and as nothing ever should."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.network.lldp import MAX_TEXT, Lldp, Neighbour, neighbours, own_chassis_id


def entry(name: str = "eth0", via: str = "LLDP", **more: Any) -> dict[str, Any]:
    """One neighbour, as `lldpcli -f json0 show neighbors` has it."""
    return {
        "name": name,
        "via": via,
        "rid": "1",
        "age": "0 day, 00:00:04",
        "chassis": [{"id": [{"type": "mac", "value": "56:64:F5:e4:f2:69"}], "name": [{"value": "sw-1"}]}],
        "port": [{"id": [{"type": "ifname", "value": "Gi1/0/7"}], "descr": [{"value": "stage left"}]}],
        **more,
    }


def shown(*entries: object) -> str:
    return json.dumps({"lldp": [{"interface": list(entries)}]})


SWITCH = Neighbour("56-64-f5-e4-f2-69", "Gi1/0/7", "sw-1", "stage left")


def test_a_neighbour() -> None:
    assert neighbours(shown(entry())) == {"eth0": SWITCH}


def test_none() -> None:
    assert neighbours('{"lldp": [{}]}') == {}
    assert neighbours("{}") == {}
    assert neighbours("") == {}


def test_a_port_named_by_its_mac_address() -> None:
    port = [{"id": [{"type": "mac", "value": "00:01:02:03:04:0A"}]}]
    assert neighbours(shown(entry(port=port)))["eth0"].port_id == "00-01-02-03-04-0a"


def test_an_address_that_is_none_is_shown_as_it_is() -> None:
    port = [{"id": [{"type": "mac", "value": "somewhere"}]}]
    assert neighbours(shown(entry(port=port)))["eth0"].port_id == "somewhere"


def test_lldp_counts_more_than_its_likes_and_the_first_more_than_the_second() -> None:
    other = entry(chassis=[{"id": [{"type": "local", "value": "phone"}]}])
    assert neighbours(shown({**other, "via": "CDPv2"}, entry(), other)) == {"eth0": SWITCH}
    assert neighbours(shown(entry(), other)) == {"eth0": SWITCH}


@pytest.mark.parametrize("key", ["name", "chassis", "port"])
@pytest.mark.parametrize("value", [None, 7, "x", [], {}, [{}], [[]], {"id": []}, {"id": [{"value": 3}]}], ids=repr)
def test_a_broken_entry_costs_only_itself(key: str, value: object) -> None:
    found = neighbours(shown({**entry(), key: value}, entry("eth1")))
    assert found["eth1"] == SWITCH
    assert all(neighbour.chassis_id and neighbour.port_id for neighbour in found.values())


def test_objects_in_place_of_lists_as_plain_json_has_them() -> None:
    one = {"name": "eth0", "chassis": {"id": {"type": "mac", "value": "00:01:02:03:04:05"}},
           "port": {"id": {"type": "local", "value": "7"}}}  # fmt: skip
    assert neighbours(json.dumps({"lldp": {"interface": one}})) == {"eth0": Neighbour("00-01-02-03-04-05", "7")}


def test_a_strangers_text_is_one_line_and_not_long() -> None:
    chassis = [{"id": [{"type": "local", "value": "a\nb\x1b[31m" + "c" * 1000}]}]
    text = neighbours(shown(entry(chassis=chassis)))["eth0"].chassis_id
    assert text.startswith("a b [31mc")
    assert len(text) == MAX_TEXT


def test_how_this_box_is_announced() -> None:
    chassis = {"local-chassis": [{"chassis": [{"id": [{"type": "mac", "value": "DA:e6:c4:bc:b3:14"}]}]}]}
    assert own_chassis_id(json.dumps(chassis)) == "da-e6-c4-bc-b3-14"
    assert own_chassis_id("{}") is None
    assert own_chassis_id("nonsense") is None


def test_only_at_interfaces_that_are_there() -> None:
    lldp = Lldp({"eth0": SWITCH, "eth1": SWITCH}, "here")
    assert lldp.only({"eth1": 1, "lo": 2}) == Lldp({"eth1": SWITCH}, "here")


@given(
    st.recursive(
        st.none() | st.text() | st.integers(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["lldp", "interface", "id", "value"]), inner),
    )
)
def test_whatever_it_prints_is_read(document: object) -> None:
    assert neighbours(json.dumps(document)) == {}
    own_chassis_id(json.dumps(document))
