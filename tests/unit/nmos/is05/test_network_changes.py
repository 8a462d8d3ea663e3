"""A network that moves, and a box that was off: what is active follows, what was desired is never forgotten."""

from dataclasses import replace

import pytest

from appliance.config.model import LegConfig
from appliance.core.store import Store
from appliance.core.types import JSON, Kind
from appliance.network.model import NetworkState, Role
from appliance.nmos.is05.connections import MAX_FOLLOWED, MAX_LOOKED_AT
from tests.unit.network.hosts import host, interface
from tests.unit.nmos.is05.boxes import (
    BLUE,
    CONFIG,
    IMMEDIATE,
    NO_NETWORK,
    RED,
    RETURN_AFTER_S,
    SENDER_ID,
    Box,
    multicast_sdp,
    receiver_id,
    sender_id,
)

SPEAKER = receiver_id("speaker")
TONE = sender_id("tone")
NEW_ADDRESS = host(interface("eth0", "10.0.0.55/24", index=2), BLUE)
RED_UNPLUGGED = host(replace(RED, carrier=False), BLUE)
UNPLUGGED = host(replace(RED, carrier=False), replace(BLUE, carrier=False))


def connected() -> Box:
    box = Box()
    box.connections.take(SPEAKER, {"id": SENDER_ID}, multicast_sdp())
    box.changes.clear()
    return box


def move(box: Box, state: NetworkState) -> None:
    box.network.state = state
    box.connections.network_changed()


def leg(box: Box, kind: Kind = Kind.RECEIVER, id: str = SPEAKER) -> JSON:
    return dict(box.active(kind, id)["transport_params"][0])


def test_a_change_elsewhere_changes_nothing() -> None:
    box = connected()
    move(box, host(RED, BLUE, interface("eth2", "10.2.0.1/24", index=4)))
    assert box.changes == []


def test_a_new_address_of_the_interface_becomes_active() -> None:
    box = connected()
    move(box, NEW_ADDRESS)
    assert leg(box)["interface_ip"] == "10.0.0.55"
    assert leg(box, Kind.SENDER, TONE)["source_ip"] == "10.0.0.55"
    assert box.staged(Kind.RECEIVER, SPEAKER)["transport_params"][0]["interface_ip"] == "auto"
    [change] = box.changes
    assert {resource.id for resource in change.resources} >= {SPEAKER, TONE}
    assert b"10.0.0.55" in box.ask("GET", f"/v1.1/single/senders/{TONE}/transportfile").body


def test_constraints_follow() -> None:
    box = connected()
    path = f"/v1.1/single/receivers/{SPEAKER}/constraints"
    assert "10.0.0.55" not in box.get(path)[0]["interface_ip"]["enum"]
    move(box, NEW_ADDRESS)
    assert box.get(path)[0]["interface_ip"]["enum"] == ["10.0.0.55", "10.1.0.1"]


def move_back(box: Box) -> None:
    """The first port has its cable again."""
    move(box, RED_UNPLUGGED)
    move(box, host(RED, BLUE))


def pass_time(box: Box, seconds: float) -> None:
    """Let time pass, and everything be done that is due then."""
    box.clock.advance(seconds)
    while (due := box.connections.get_timer()) is not None and due <= box.clock.monotonic():
        box.connections.handle_timer()


def source_ip(box: Box, id: str = TONE) -> str:
    return str(leg(box, Kind.SENDER, id)["source_ip"])


def test_a_lost_link_moves_to_another_interface_and_back_when_the_first_has_been_good_for_a_while() -> None:
    box = connected()
    move(box, RED_UNPLUGGED)
    assert source_ip(box) == "10.1.0.1"
    assert box.resource(Kind.SENDER, TONE)["interface_bindings"] == ["eth1"]
    move(box, host(RED, BLUE))
    assert source_ip(box) == "10.1.0.1", "its receivers are not to follow each loose contact"
    pass_time(box, RETURN_AFTER_S - 0.1)
    assert source_ip(box) == "10.1.0.1"
    pass_time(box, 0.1)
    assert source_ip(box) == "10.0.0.1"
    assert box.resource(Kind.SENDER, TONE)["interface_bindings"] == ["eth0"]
    assert box.connections.get_timer() is None


def test_a_cable_that_is_loose_has_to_be_good_for_as_long_each_time() -> None:
    box = connected()
    move_back(box)
    pass_time(box, RETURN_AFTER_S - 1)
    move_back(box)
    pass_time(box, RETURN_AFTER_S - 1)
    assert source_ip(box) == "10.1.0.1"
    pass_time(box, 1)
    assert source_ip(box) == "10.0.0.1"


def test_a_sender_waits_as_long_before_it_goes_where_its_route_leads_again() -> None:
    box = connected()
    box.network.route(**{leg(box, Kind.SENDER, TONE)["destination_ip"]: "eth0"})
    move_back(box)
    assert source_ip(box) == "10.1.0.1"
    pass_time(box, RETURN_AFTER_S)
    assert source_ip(box) == "10.0.0.1"


def test_a_sender_takes_a_port_that_has_just_come_where_there_is_no_other() -> None:
    box = connected()
    move_back(box)
    move(box, host(RED, replace(BLUE, carrier=False)))
    assert source_ip(box) == "10.0.0.1"


def test_nothing_goes_back_to_where_it_never_was_preferred() -> None:
    box = connected()
    move(box, host(RED, replace(BLUE, carrier=False)))
    move(box, host(RED, BLUE))
    box.changes.clear()
    pass_time(box, RETURN_AFTER_S)
    assert box.changes == []


@pytest.mark.parametrize("waiting", ["169.254.7.7/16", "10.0.0.7/24"])
def test_an_address_that_was_a_makeshift_is_left_when_a_lease_comes(waiting: str) -> None:
    box = Box(state=host(interface("eth0", waiting, index=2)))
    ip = waiting.partition("/")[0]
    assert source_ip(box) == ip
    move(box, host(interface("eth0", waiting, "10.0.0.9/24", index=2)))
    assert source_ip(box) == ("10.0.0.9" if ip.startswith("169.254.") else ip)


def test_a_leg_that_had_to_share_the_port_of_the_other_returns_to_its_own() -> None:
    legs = (LegConfig(interfaces=("eth0", "eth1")), LegConfig(interfaces=("eth1", "eth0")))
    box = Box(replace(CONFIG, senders=(replace(CONFIG.senders[1], legs=legs),)), state=RED_UNPLUGGED)
    pair = sender_id("pair")

    def sources() -> list[str]:
        return [leg["source_ip"] for leg in box.active(Kind.SENDER, pair)["transport_params"]]

    assert sources() == ["10.1.0.1", "10.1.0.1"]
    assert "the other leg uses it too" in box.aspect(pair)["reason"][1]
    move(box, host(RED, BLUE))
    assert sources() == ["10.1.0.1", "10.1.0.1"]
    pass_time(box, RETURN_AFTER_S)
    assert sources() == ["10.0.0.1", "10.1.0.1"]


def test_a_leg_leaves_the_port_to_the_other_that_can_use_no_other() -> None:
    legs = (LegConfig(), LegConfig(interfaces=("eth0",)))
    box = Box(replace(CONFIG, senders=(replace(CONFIG.senders[1], legs=legs),)))
    active = box.active(Kind.SENDER, sender_id("pair"))
    assert [leg["source_ip"] for leg in active["transport_params"]] == ["10.1.0.1", "10.0.0.1"]


def test_a_receiver_returns_to_where_the_kernel_routes_its_source() -> None:
    """It cannot be heard anywhere else, however usable that is."""
    box = connected()
    move(box, RED_UNPLUGGED)
    assert leg(box)["interface_ip"] == "10.1.0.1"
    box.network.route(**{"10.0.0.9": "eth0"})
    move(box, RED_UNPLUGGED)
    assert leg(box)["interface_ip"] == "10.1.0.1"
    move(box, host(RED, BLUE))
    assert leg(box)["interface_ip"] == "10.0.0.1"
    assert box.aspect(SPEAKER)["reason"] == ["eth0: the kernel routes the source 10.0.0.9 there"]
    assert box.resource(Kind.RECEIVER, SPEAKER)["interface_bindings"] == ["eth0"]
    box.changes.clear()
    move(box, host(RED, BLUE, interface("eth2", "10.2.0.1/24", index=4)))
    assert box.changes == []


def test_a_sender_follows_the_route_of_its_group_and_keeps_the_group() -> None:
    box = connected()
    group = leg(box, Kind.SENDER, TONE)["destination_ip"]
    box.network.route(**{group: "eth1"})
    move(box, host(RED, BLUE))
    assert leg(box, Kind.SENDER, TONE)["source_ip"] == "10.1.0.1"
    assert leg(box, Kind.SENDER, TONE)["destination_ip"] == group


def test_an_address_that_was_asked_for_is_not_left_for_a_route() -> None:
    box = connected()
    body = {"transport_params": [{"interface_ip": "10.1.0.1"}], "activation": IMMEDIATE}
    box.patch(Kind.RECEIVER, SPEAKER, body)
    box.network.route(**{"10.0.0.9": "eth0"})
    move(box, host(RED, BLUE))
    assert leg(box)["interface_ip"] == "10.1.0.1"


def test_only_the_leg_that_lost_its_address_moves() -> None:
    box = Box(replace(CONFIG, senders=(replace(CONFIG.senders[1], legs=(LegConfig(), LegConfig())),)))
    pair = sender_id("pair")
    before = box.active(Kind.SENDER, pair)["transport_params"]
    assert [leg["source_ip"] for leg in before] == ["10.0.0.1", "10.1.0.1"]
    reason = box.aspect(pair)["reason"]
    green = interface("eth2", "10.2.0.1/24", index=4)
    move(box, host(replace(RED, carrier=False), BLUE, green))
    after = box.active(Kind.SENDER, pair)["transport_params"]
    assert after == [{**before[0], "source_ip": "10.2.0.1"}, before[1]]
    assert box.resource(Kind.SENDER, pair)["interface_bindings"] == ["eth2", "eth1"]
    assert box.aspect(pair)["reason"][1] == reason[1]


def test_a_senders_group_survives_a_new_address() -> None:
    box = connected()
    group = leg(box, Kind.SENDER, TONE)["destination_ip"]
    box.pool.network = "239.99.0.0/16"
    move(box, NEW_ADDRESS)
    assert leg(box, Kind.SENDER, TONE)["destination_ip"] == group
    box.patch(Kind.SENDER, TONE, {"activation": IMMEDIATE})
    assert leg(box, Kind.SENDER, TONE)["destination_ip"].startswith("239.99.")


def test_without_another_the_active_state_stays_and_a_fault_says_why_until_it_mends() -> None:
    box = connected()
    before = box.active(Kind.RECEIVER, SPEAKER)
    move(box, UNPLUGGED)
    assert box.active(Kind.RECEIVER, SPEAKER) == before
    assert box.aspect(SPEAKER)["fault"].startswith("transport_params[0].interface_ip is 'auto'")
    changes = len(box.changes)
    move(box, UNPLUGGED)
    assert len(box.changes) == changes
    move(box, host(RED, BLUE))
    assert box.active(Kind.RECEIVER, SPEAKER) == before
    assert box.aspect(SPEAKER)["fault"] is None


def test_an_address_that_was_asked_for_is_waited_for() -> None:
    box = connected()
    body = {"transport_params": [{"interface_ip": "10.0.0.1"}], "activation": IMMEDIATE}
    box.patch(Kind.RECEIVER, SPEAKER, body)
    move(box, host(BLUE))
    assert leg(box)["interface_ip"] == "10.0.0.1"
    assert "10.0.0.1" in box.aspect(SPEAKER)["fault"]
    move(box, host(RED, BLUE))
    assert box.aspect(SPEAKER)["fault"] is None


def test_what_is_staged_is_not_activated_by_the_network() -> None:
    box = connected()
    box.patch(Kind.RECEIVER, SPEAKER, {"transport_params": [{"destination_port": 9000}], "master_enable": False})
    move(box, NEW_ADDRESS)
    assert leg(box)["destination_port"] == 5010
    assert box.active(Kind.RECEIVER, SPEAKER)["master_enable"] is True


def test_a_large_box_follows_in_pieces() -> None:
    many = tuple(replace(CONFIG.receivers[0], name=f"speaker {n}") for n in range(3 * MAX_FOLLOWED))
    box = Box(replace(CONFIG, senders=(), receivers=many))
    move(box, NEW_ADDRESS)
    [first] = box.changes
    assert len(first.resources) == MAX_FOLLOWED
    assert box.rearmed == 1
    while (timer := box.connections.get_timer()) is not None:
        assert timer <= box.clock.monotonic()
        assert box.connections.handle_timer() == ()
    assert len(box.changes) == 3
    for id in box.connections.all(Kind.RECEIVER):
        assert leg(box, Kind.RECEIVER, id)["interface_ip"] == "10.0.0.55"


def test_those_that_nothing_happened_to_are_looked_at_in_pieces_too() -> None:
    many = tuple(replace(CONFIG.receivers[0], name=f"speaker {n}") for n in range(2 * MAX_LOOKED_AT + 1))
    box = Box(replace(CONFIG, senders=(), receivers=many))
    box.connections.network_changed()
    pieces = 1
    while box.connections.get_timer() is not None:
        box.connections.handle_timer()
        pieces += 1
    assert pieces == 3
    assert box.changes == []


def test_what_is_due_goes_before_what_follows() -> None:
    many = tuple(replace(CONFIG.receivers[0], name=f"speaker {n}") for n in range(MAX_FOLLOWED + 1))
    box = Box(replace(CONFIG, senders=CONFIG.senders[:1], receivers=many))
    later = {"mode": "activate_scheduled_relative", "requested_time": "0:0"}
    assert box.patch(Kind.SENDER, TONE, {"activation": later}).status == 202
    move(box, NEW_ADDRESS)
    assert box.connections.handle_timer() == (TONE,)
    assert box.connections.get_timer() is not None
    assert box.connections.handle_timer() == ()
    assert box.connections.get_timer() is None


# ---- restarts


def test_staged_and_active_come_back() -> None:
    box = connected()
    box.patch(Kind.RECEIVER, SPEAKER, {"transport_params": [{"destination_port": 9000}]})
    after = box.rebooted()
    for kind in (Kind.SENDER, Kind.RECEIVER):
        for id in box.connections.all(kind):
            assert after.aspect(id) == box.aspect(id)
            for key in ("subscription", "interface_bindings", "version"):
                assert after.resource(kind, id)[key] == box.resource(kind, id)[key]


def test_a_sender_that_was_switched_off_stays_off() -> None:
    box = Box()
    box.patch(Kind.SENDER, TONE, {"master_enable": False, "activation": IMMEDIATE})
    after = box.rebooted()
    assert after.active(Kind.SENDER, TONE)["master_enable"] is False
    assert after.resource(Kind.SENDER, TONE)["subscription"]["active"] is False


def test_at_power_on_without_a_network_the_desired_state_is_kept_and_retried() -> None:
    box = connected()
    box.network.state = NO_NETWORK
    after = box.rebooted()
    assert after.aspect(SPEAKER)["fault"] is not None
    assert after.active(Kind.RECEIVER, SPEAKER)["sender_id"] == SENDER_ID
    move(after, NEW_ADDRESS)
    assert leg(after)["interface_ip"] == "10.0.0.55"
    assert after.aspect(SPEAKER)["fault"] is None
    assert after.aspect(SPEAKER)["desired"] == box.aspect(SPEAKER)["desired"]


def test_an_address_that_changed_while_the_box_was_off() -> None:
    box = connected()
    box.network.state = NEW_ADDRESS
    assert leg(box.rebooted())["interface_ip"] == "10.0.0.55"


def test_is04_is_mended_from_what_is_active() -> None:
    """The state file has both, but a release that lost one of them must not show what is not so."""
    box = connected()
    with box.store.transaction("lost") as tx:
        tx.update(Kind.RECEIVER, SPEAKER, subscription={"sender_id": None, "active": False})
    after = box.rebooted()
    assert after.resource(Kind.RECEIVER, SPEAKER)["subscription"] == {"sender_id": SENDER_ID, "active": True}


def test_legs_that_the_configuration_changed_begin_anew() -> None:
    box = connected()
    one, *others = CONFIG.receivers
    two_legs = replace(CONFIG, receivers=(replace(one, legs=(LegConfig(), LegConfig())), *others))
    after = box.rebooted(two_legs)
    assert len(after.active(Kind.RECEIVER, SPEAKER)["transport_params"]) == 2
    assert after.active(Kind.RECEIVER, SPEAKER)["master_enable"] is False


def test_what_the_configuration_no_longer_has_is_forgotten() -> None:
    box = connected()
    after = box.rebooted(replace(CONFIG, receivers=CONFIG.receivers[1:]))
    assert after.store.aspect("connection", SPEAKER) is None


@pytest.mark.parametrize("kept", [{}, {"staged": None}, {"staged": {}, "active": {}, "desired": {}}, {"staged": 5}])
def test_what_cannot_be_understood_begins_anew(kept: JSON, caplog: pytest.LogCaptureFixture) -> None:
    box = connected()
    store = Store(box.clock)
    store.restore(
        [(kind, body) for kind in Kind for body in box.store.all(kind).values()], [("connection", SPEAKER, kept)]
    )
    after = Box(clock=box.clock, kept=store)
    assert after.active(Kind.RECEIVER, SPEAKER)["master_enable"] is False
    assert "begun anew" in caplog.text


def test_streams_go_where_there_is_room_also_after_a_restart() -> None:
    """A stereo sender takes 2.9 Mbit/s: a port of 5 Mbit/s has room for one. The pair's legs are bound to theirs."""
    slow = host(replace(RED, speed_mbps=5), replace(BLUE, speed_mbps=1000))
    names = ("first", "second", "third")
    config = replace(CONFIG, senders=tuple(replace(CONFIG.senders[0], name=name) for name in names))
    box = Box(config, state=slow)
    assert [source_ip(box, sender_id(name)) for name in names] == ["10.0.0.1", "10.1.0.1", "10.1.0.1"]
    assert box.aspect(sender_id("second"))["reason"][0].startswith(
        "eth1: it has room for 2.9 Mbit/s, which eth0 has not (2.9 of 5 Mbit/s taken)"
    )
    after = box.rebooted()
    after.connections.network_changed()
    assert [source_ip(after, sender_id(name)) for name in names] == ["10.0.0.1", "10.1.0.1", "10.1.0.1"]
    assert after.connections.commitments.of(Role.SENDER)["10.0.0.1"] == pytest.approx(2_928_000)
    assert after.connections.commitments.of(Role.RECEIVER) == {}
    off = {"master_enable": False, "activation": IMMEDIATE}
    assert after.patch(Kind.SENDER, sender_id("first"), off).status == 200
    assert after.connections.commitments.of(Role.SENDER)["10.0.0.1"] == 0
    on = {"master_enable": True, "activation": IMMEDIATE}
    assert after.patch(Kind.SENDER, sender_id("third"), on).status == 200
    assert source_ip(after, sender_id("third")) == "10.0.0.1", "a new activation goes by what is true now"


def test_an_activation_done_again_takes_no_more() -> None:
    box = connected()
    box.connections.take(SPEAKER, {"id": SENDER_ID}, multicast_sdp())
    assert box.connections.commitments.of(Role.RECEIVER)["10.0.0.1"] == pytest.approx(2_928_000)
