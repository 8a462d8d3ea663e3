"""Immediate activation: what becomes active, what IS-04 shows of it, and what happens where it cannot be."""

from dataclasses import replace

import pytest

from appliance.config.model import LegConfig
from appliance.core.tai import parse_tai
from appliance.core.types import JSON, Kind
from tests.unit.network.hosts import host, interface
from tests.unit.nmos.is05.boxes import (
    BLUE,
    CONFIG,
    IMMEDIATE,
    NO_ACTIVATION,
    NO_NETWORK,
    RED,
    SENDER_ID,
    Box,
    PaperPool,
    multicast_sdp,
    pair_sdp,
    receiver_id,
    sender_id,
)

SPEAKER = receiver_id("speaker")
DUAL = receiver_id("dual")
DIRECT = receiver_id("direct")
TONE = sender_id("tone")
PAIR = sender_id("pair")


def listen(box: Box, id: str = SPEAKER, **body: object) -> JSON:
    """Activate a receiver for a group; the answer."""
    connect = {
        "sender_id": SENDER_ID,
        "master_enable": True,
        "transport_file": {"data": multicast_sdp(), "type": "application/sdp"},
        "activation": IMMEDIATE,
    }
    answer = box.patch(Kind.RECEIVER, id, connect | body)
    assert answer.status == 200, answer.body
    return dict(answer.body)


def test_the_answer_tells_of_the_activation_and_later_ones_do_not() -> None:
    box = Box()
    answer = listen(box)
    done = {"mode": "activate_immediate", "requested_time": None, "activation_time": "1700000037:0"}
    assert answer["activation"] == done
    staged = box.staged(Kind.RECEIVER, SPEAKER)
    assert staged == {**answer, "activation": NO_ACTIVATION}
    active = box.active(Kind.RECEIVER, SPEAKER)
    assert active["activation"] == done
    assert {key: active[key] for key in ("sender_id", "master_enable", "transport_file")} == {
        key: staged[key] for key in ("sender_id", "master_enable", "transport_file")
    }


def test_auto_stays_in_staged_and_never_appears_in_active() -> None:
    box = Box()
    answer = listen(box)
    assert answer["transport_params"][0]["interface_ip"] == "auto"
    [leg] = box.active(Kind.RECEIVER, SPEAKER)["transport_params"]
    assert leg == {
        "source_ip": None,
        "multicast_ip": "239.1.2.3",
        "interface_ip": "10.0.0.1",
        "destination_port": 5010,
        "rtp_enabled": True,
    }


def test_a_time_beside_an_immediate_activation_means_nothing() -> None:
    box = Box()
    answer = listen(box, activation={"mode": "activate_immediate", "requested_time": "5:0"})
    assert answer["activation"]["requested_time"] is None


def test_is04_follows_in_the_same_commit() -> None:
    box = Box()
    before = parse_tai(box.resource(Kind.RECEIVER, SPEAKER)["version"])
    listen(box)
    receiver = box.resource(Kind.RECEIVER, SPEAKER)
    assert receiver["subscription"] == {"sender_id": SENDER_ID, "active": True}
    assert receiver["interface_bindings"] == ["eth0"]
    assert parse_tai(receiver["version"]) > before
    [change] = box.changes
    assert [(resource.kind, resource.id) for resource in change.resources] == [(Kind.RECEIVER, SPEAKER)]
    assert [aspect.id for aspect in change.touches("connection")] == [SPEAKER]
    assert change.counters[Kind.RECEIVER] == 1


def test_the_same_again_is_a_new_version() -> None:
    box = Box()
    for kind, id in ((Kind.RECEIVER, SPEAKER), (Kind.SENDER, TONE)):
        versions = []
        for _ in range(3):
            box.patch(kind, id, {"activation": IMMEDIATE})
            versions.append(parse_tai(box.resource(kind, id)["version"]))
        assert versions == sorted(set(versions))
        assert box.store.counters[kind] == 3


def test_switched_off_no_peer_is_shown_by_is04() -> None:
    box = Box()
    listen(box)
    box.patch(Kind.RECEIVER, SPEAKER, {"master_enable": False, "activation": IMMEDIATE})
    assert box.resource(Kind.RECEIVER, SPEAKER)["subscription"] == {"sender_id": None, "active": False}
    assert box.active(Kind.RECEIVER, SPEAKER)["sender_id"] == SENDER_ID


def test_a_sender_names_its_receiver_only_in_unicast() -> None:
    box = Box()
    box.network.route(**{"10.0.0.77": "eth0"})
    receiver = "22222222-2222-4222-8222-222222222222"
    for destination, shown in (("10.0.0.77", receiver), ("239.1.1.1", None)):
        body = {
            "receiver_id": receiver,
            "master_enable": True,
            "transport_params": [{"destination_ip": destination}],
            "activation": IMMEDIATE,
        }
        assert box.patch(Kind.SENDER, TONE, body).status == 200
        assert box.active(Kind.SENDER, TONE)["receiver_id"] == receiver
        assert box.resource(Kind.SENDER, TONE)["subscription"] == {"receiver_id": shown, "active": True}


def test_a_sender_resolves_everything() -> None:
    box = Box()
    first, second = box.active(Kind.SENDER, PAIR)["transport_params"]
    for leg, source in ((first, "10.0.0.1"), (second, "10.1.0.1")):
        assert leg["source_ip"] == source
        assert leg["destination_ip"].startswith("239.")
        assert (leg["source_port"], leg["destination_port"]) == (5004, 5004)
    assert first["destination_ip"] != second["destination_ip"]
    assert box.resource(Kind.SENDER, PAIR)["interface_bindings"] == ["eth0", "eth1"]


def test_a_senders_group_stays_the_same() -> None:
    box = Box()
    [before] = box.active(Kind.SENDER, TONE)["transport_params"]
    box.patch(Kind.SENDER, TONE, {"activation": IMMEDIATE})
    assert box.active(Kind.SENDER, TONE)["transport_params"] == [before]


def test_the_reason_for_each_interface_is_kept() -> None:
    box = Box()
    box.network.route(**{"10.0.0.9": "eth0", "239.1.2.3": "eth1"})
    listen(box)
    assert box.active(Kind.RECEIVER, SPEAKER)["transport_params"][0]["interface_ip"] == "10.0.0.1"
    assert box.aspect(SPEAKER)["reason"] == ["eth0: the kernel routes the source 10.0.0.9 there"]
    listen(
        box,
        transport_file={"data": multicast_sdp().replace("10.0.0.9", "somewhere.example"), "type": "application/sdp"},
    )
    assert box.active(Kind.RECEIVER, SPEAKER)["transport_params"][0]["interface_ip"] == "10.1.0.1"
    assert box.aspect(SPEAKER)["reason"] == ["eth1: the kernel routes the group 239.1.2.3 there"]
    listen(box, transport_params=[{"interface_ip": "10.0.0.1"}])
    assert box.aspect(SPEAKER)["reason"] == ["eth0: its address 10.0.0.1 was asked for"]


def test_a_source_filter_decides_before_who_made_the_file() -> None:
    box = Box()
    box.network.route(**{"10.0.0.9": "eth0", "10.9.9.9": "eth1"})
    listen(box, transport_file={"data": multicast_sdp(source="10.9.9.9"), "type": "application/sdp"})
    assert box.active(Kind.RECEIVER, SPEAKER)["transport_params"][0]["interface_ip"] == "10.1.0.1"


def test_two_legs_take_two_interfaces_though_both_may_use_either() -> None:
    box = Box()
    listen(box, DUAL, transport_file={"data": pair_sdp(), "type": "application/sdp"})
    legs = box.active(Kind.RECEIVER, DUAL)["transport_params"]
    assert [leg["interface_ip"] for leg in legs] == ["10.0.0.1", "10.1.0.1"]
    assert box.resource(Kind.RECEIVER, DUAL)["interface_bindings"] == ["eth0", "eth1"]


def test_the_first_leg_leaves_the_interface_that_the_second_asks_for() -> None:
    config = replace(CONFIG, receivers=(replace(CONFIG.receivers[0], legs=(LegConfig(), LegConfig())),))
    box = Box(config)
    listen(
        box,
        SPEAKER,
        transport_file={"data": pair_sdp(), "type": "application/sdp"},
        transport_params=[{}, {"interface_ip": "10.0.0.1"}],
    )
    legs = box.active(Kind.RECEIVER, SPEAKER)["transport_params"]
    assert [leg["interface_ip"] for leg in legs] == ["10.1.0.1", "10.0.0.1"]


def test_unicast_is_received_at_the_address_it_is_sent_to() -> None:
    box = Box()
    sdp = multicast_sdp().replace("239.1.2.3/32", "10.1.0.1")
    listen(box, DIRECT, transport_file={"data": sdp, "type": "application/sdp"})
    [leg] = box.active(Kind.RECEIVER, DIRECT)["transport_params"]
    assert leg["interface_ip"] == "10.1.0.1"
    assert box.resource(Kind.RECEIVER, DIRECT)["interface_bindings"] == ["eth1"]


# ---- what cannot be


def test_unresolvable_is_500_naming_the_parameter_and_changes_nothing() -> None:
    box = Box(state=host(RED, interface("eth1", "10.1.0.1/24", carrier=False)))
    before = box.aspect(DUAL), box.resource(Kind.RECEIVER, DUAL)
    answer = box.patch(
        Kind.RECEIVER,
        DUAL,
        {
            "master_enable": True,
            "transport_file": {"data": pair_sdp(), "type": "application/sdp"},
            "activation": IMMEDIATE,
        },
    )
    assert answer.status == 500
    assert answer.body["error"].startswith("transport_params[1].interface_ip is 'auto' and cannot be resolved: ")
    assert (box.aspect(DUAL), box.resource(Kind.RECEIVER, DUAL)) == before


def test_without_a_group_left_the_destination_is_named() -> None:
    pool = PaperPool()
    box = Box(pool=pool)
    pool.network = None
    answer = box.patch(
        Kind.SENDER, PAIR, {"transport_params": [{"destination_ip": "239.1.1.1"}, {}], "activation": IMMEDIATE}
    )
    assert answer.status == 500
    assert answer.body["error"].startswith("transport_params[1].destination_ip is 'auto'")


def test_switching_off_never_fails() -> None:
    box = Box()
    listen(box)
    box.network.state = NO_NETWORK
    for kind, id in ((Kind.RECEIVER, SPEAKER), (Kind.SENDER, TONE)):
        before = box.active(kind, id)["transport_params"]
        assert box.patch(kind, id, {"master_enable": False, "activation": IMMEDIATE}).status == 200
        active = box.active(kind, id)
        assert active["master_enable"] is False
        assert active["transport_params"] == before


def test_a_leg_that_is_off_need_not_resolve() -> None:
    box = Box(state=host(RED, interface("eth1", "10.1.0.1/24", carrier=False)))
    listen(box, DUAL)
    first, second = box.active(Kind.RECEIVER, DUAL)["transport_params"]
    assert (first["interface_ip"], first["rtp_enabled"]) == ("10.0.0.1", True)
    assert (second["interface_ip"], second["rtp_enabled"]) == ("0.0.0.0", False)
    assert box.aspect(DUAL)["reason"][1].startswith("off: ")
    assert box.resource(Kind.RECEIVER, DUAL)["interface_bindings"] == ["eth0", "eth1"]


def test_an_address_that_is_gone_is_named() -> None:
    box = Box()
    body = {"transport_params": [{"source_ip": "10.1.0.1"}], "master_enable": True}
    assert box.patch(Kind.SENDER, TONE, body).status == 200
    box.network.state = host(RED)
    answer = box.patch(Kind.SENDER, TONE, {"activation": IMMEDIATE})
    assert answer.status == 400
    assert (
        answer.body["error"] == "transport_params[0].source_ip: no interface of this leg has the address 10.1.0.1 now"
    )


@pytest.mark.parametrize(
    ("source", "destination"), [("10.0.0.1", "ff3e::1:2"), ("fd00::1", "239.1.1.1"), ("fd00::1", "auto")]
)
def test_both_ends_are_of_one_ip_version(source: str, destination: str) -> None:
    box = Box()
    body = {"transport_params": [{"source_ip": source, "destination_ip": destination}], "activation": IMMEDIATE}
    answer = box.patch(Kind.SENDER, TONE, body)
    assert answer.status == 400
    assert answer.body["error"].endswith("are of different IP versions")


def test_ipv6_multicast() -> None:
    box = Box()
    body = {
        "master_enable": True,
        "transport_params": [{"multicast_ip": "FF3E:0::1:2", "source_ip": "fd00::9"}],
        "activation": IMMEDIATE,
    }
    assert box.patch(Kind.RECEIVER, SPEAKER, body).status == 200
    [leg] = box.active(Kind.RECEIVER, SPEAKER)["transport_params"]
    assert (leg["multicast_ip"], leg["interface_ip"]) == ("ff3e::1:2", "fd00::1")


# ---- the first state


def test_senders_that_the_configuration_switches_on_are_active_at_first_start() -> None:
    box = Box()
    for name, active in (("tone", True), ("off", False)):
        id = sender_id(name)
        assert box.active(Kind.SENDER, id)["master_enable"] is active
        assert box.staged(Kind.SENDER, id)["master_enable"] is active
        assert box.resource(Kind.SENDER, id)["subscription"] == {"receiver_id": None, "active": active}


def test_uninitialised_endpoints_show_sensible_values() -> None:
    box = Box(state=NO_NETWORK)
    [sender] = box.active(Kind.SENDER, TONE)["transport_params"]
    assert sender["source_ip"] == "0.0.0.0"
    [receiver] = box.active(Kind.RECEIVER, SPEAKER)["transport_params"]
    assert receiver == {
        "source_ip": None,
        "multicast_ip": None,
        "interface_ip": "0.0.0.0",
        "destination_port": 5004,
        "rtp_enabled": True,
    }
    assert box.active(Kind.SENDER, TONE)["master_enable"] is False
    assert box.aspect(TONE)["fault"].startswith("transport_params[0].source_ip is 'auto'")
    answer = box.ask("GET", f"/v1.1/single/senders/{TONE}/transportfile")
    assert answer.status == 404
    assert "no address" in answer.body["error"]


def test_uninitialised_endpoints_come_alive_by_themselves() -> None:
    box = Box(state=NO_NETWORK)
    box.network.state = host(RED, BLUE)
    box.connections.network_changed()
    assert box.active(Kind.SENDER, TONE)["master_enable"] is True
    assert box.aspect(TONE)["fault"] is None
    assert box.ask("GET", f"/v1.1/single/senders/{TONE}/transportfile").status == 200
    assert box.active(Kind.RECEIVER, SPEAKER)["transport_params"][0]["interface_ip"] == "10.0.0.1"
    assert box.resource(Kind.SENDER, TONE)["subscription"] == {"receiver_id": None, "active": True}
    assert box.resource(Kind.RECEIVER, DUAL)["interface_bindings"] == ["eth0", "eth1"]
