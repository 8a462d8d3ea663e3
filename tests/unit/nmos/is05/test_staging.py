"""What a PATCH means: merged, checked, the transport file before the parameters; nothing changes on an error."""

import pytest

from appliance.core.types import JSON, Kind
from tests.unit.nmos.is05.boxes import (
    NO_ACTIVATION,
    NO_NETWORK,
    SENDER_ID,
    Box,
    multicast_sdp,
    pair_sdp,
    receiver_id,
    sender_id,
)

SPEAKER = receiver_id("speaker")
DUAL = receiver_id("dual")
DIRECT = receiver_id("direct")
TONE = sender_id("tone")


def sdp_file(data: str) -> JSON:
    return {"data": data, "type": "application/sdp"}


def test_what_a_request_does_not_mention_stays() -> None:
    box = Box()
    before = box.staged(Kind.RECEIVER, DUAL)
    answer = box.patch(Kind.RECEIVER, DUAL, {"transport_params": [{}, {"destination_port": 6000}]})
    assert answer.status == 200
    assert answer.body == box.staged(Kind.RECEIVER, DUAL)
    first, second = answer.body["transport_params"]
    assert first == before["transport_params"][0]
    assert second == {**before["transport_params"][1], "destination_port": 6000}
    assert {**answer.body, "transport_params": []} == {**before, "transport_params": []}


def test_staging_changes_nothing_that_is_active() -> None:
    box = Box()
    resource, active = box.resource(Kind.SENDER, TONE), box.active(Kind.SENDER, TONE)
    box.patch(Kind.SENDER, TONE, {"master_enable": False, "receiver_id": SENDER_ID})
    assert box.resource(Kind.SENDER, TONE) == resource
    assert box.active(Kind.SENDER, TONE) == active
    assert box.store.counters[Kind.SENDER] == 0


def test_an_empty_patch_is_answered_with_all_that_is_staged() -> None:
    box = Box()
    answer = box.patch(Kind.SENDER, TONE, {})
    assert answer.status == 200
    assert answer.body == box.staged(Kind.SENDER, TONE)
    assert box.changes == []


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"bad": "data"}, "bad: is not a parameter here"),
        ({"receiver_id": None}, "receiver_id: is not a parameter here"),
        ({"sender_id": "x"}, "sender_id: must be a UUID"),
        ({"sender_id": SENDER_ID.replace("-4111-", "-6111-")}, "sender_id: must be a UUID"),
        ({"sender_id": "ABCDEF00-1111-4111-8111-111111111111"}, "sender_id: must be a UUID in lower case"),
        ({"sender_id": SENDER_ID + "\n"}, "sender_id: must be a UUID"),
        ({"master_enable": 1}, "master_enable: must be boolean"),
        ({"master_enable": None}, "master_enable: must be boolean"),
        ({"activation": None}, "activation: must be object"),
        ({"activation": {}}, "activation.mode: is needed"),
        ({"activation": {"mode": "now"}}, "activation.mode: must be one of"),
        ({"activation": {"mode": None, "when": 1}}, "activation.when: is not a parameter here"),
        ({"activation": {"mode": None, "requested_time": "1:0"}}, "activation.requested_time: must be null"),
        ({"activation": {"mode": "activate_scheduled_absolute"}}, "activation.requested_time: is needed"),
        (
            {"activation": {"mode": "activate_scheduled_relative", "requested_time": None}},
            "activation.requested_time: is needed",
        ),
        (
            {"activation": {"mode": "activate_scheduled_relative", "requested_time": "5"}},
            "activation.requested_time: must be <seconds>:<nanoseconds>",
        ),
        (
            {"activation": {"mode": "activate_scheduled_relative", "requested_time": "9" * 40 + ":0"}},
            "activation.requested_time: '999",
        ),
        ({"transport_params": {}}, "transport_params: must be array"),
        ({"transport_params": []}, "transport_params: has 0 legs, and this receiver has 2"),
        ({"transport_params": [{}]}, "transport_params: has 1 legs"),
        ({"transport_params": [{}, {}, {}]}, "transport_params: has 3 legs"),
        ({"transport_params": [{}, None]}, "transport_params[1]: must be object"),
        ({"transport_params": [{}, {"port": 1}]}, "transport_params[1].port: is not a parameter here"),
        ({"transport_params": [{}, {"ext_x": 1}]}, "transport_params[1].ext_x: is not a parameter here"),
        ({"transport_params": [{}, {"destination_ip": "10.0.0.1"}]}, "transport_params[1].destination_ip: is not"),
        ({"transport_params": [{}, {"source_ip": "auto"}]}, "transport_params[1].source_ip: must be a unicast IP"),
        ({"transport_params": [{}, {"source_ip": "239.0.0.1"}]}, "transport_params[1].source_ip: must be a unicast IP"),
        ({"transport_params": [{}, {"source_ip": 5}]}, "transport_params[1].source_ip: must be string or null"),
        ({"transport_params": [{}, {"multicast_ip": "10.0.0.1"}]}, "transport_params[1].multicast_ip: must be a multi"),
        ({"transport_params": [{"interface_ip": None}, {}]}, "transport_params[0].interface_ip: must be string"),
        ({"transport_params": [{"interface_ip": "fe80::1%eth0"}, {}]}, "transport_params[0].interface_ip: must be a"),
        ({"transport_params": [{}, {"interface_ip": "10.0.0.1"}]}, "transport_params[1].interface_ip: 10.0.0.1 is not"),
        ({"transport_params": [{"destination_port": 0}, {}]}, "transport_params[0].destination_port: must be bigger"),
        ({"transport_params": [{"destination_port": 65536}, {}]}, "transport_params[0].destination_port: must be sma"),
        ({"transport_params": [{"destination_port": "5004"}, {}]}, "transport_params[0].destination_port: must be a n"),
        ({"transport_params": [{"destination_port": "auto\n"}, {}]}, "transport_params[0].destination_port: must be a"),
        ({"transport_params": [{"destination_port": True}, {}]}, "transport_params[0].destination_port: must be int"),
        ({"transport_params": [{"destination_port": 1.5}, {}]}, "transport_params[0].destination_port: must be int"),
        ({"transport_params": [{"destination_port": 5004.0}, {}]}, "transport_params[0].destination_port: must be int"),
        ({"transport_params": [{"rtp_enabled": "yes"}, {}]}, "transport_params[0].rtp_enabled: must be boolean"),
        ({"transport_file": None}, "transport_file: must be object"),
        ({"transport_file": {"data": 1, "type": "application/sdp"}}, "transport_file.data: must be string or null"),
        ({"transport_file": {"data": "v=0", "type": None}}, "transport_file.type: is needed"),
        ({"transport_file": {"data": "#EXTM3U", "type": "audio/mpegurl"}}, "transport_file.type: audio/mpegurl is not"),
        ({"transport_file": sdp_file("hello")}, "transport_file.data: SDP line 1"),
        ({"transport_file": sdp_file("")}, "transport_file.data: SDP"),
        (
            {"transport_file": sdp_file(multicast_sdp(media="L16/96000/2"))},
            "transport_file.data: its sample rate is 96000",
        ),
        (
            {"transport_file": sdp_file(multicast_sdp(media="L16/48000/16"))},
            "transport_file.data: its number of channels is 16",
        ),
        ({"transport_file": sdp_file(multicast_sdp(media="AM824/48000/2"))}, "transport_file.data: SDP: describes"),
    ],
)
def test_what_is_wrong_is_named_and_changes_nothing(body: JSON, error: str) -> None:
    box = Box()
    before = box.aspect(DUAL)
    for tried in (body, {"master_enable": True, **body}):
        answer = box.patch(Kind.RECEIVER, DUAL, tried)
        assert answer.status == 400
        assert answer.body["error"].startswith(error)
        assert len(answer.body["error"]) < 400
        assert answer.body["code"] == 400
    assert box.aspect(DUAL) == before
    assert box.changes == []


def test_a_transport_file_gives_the_parameters_their_values() -> None:
    box = Box()
    file = sdp_file(multicast_sdp(source="10.0.0.9"))
    answer = box.patch(Kind.RECEIVER, SPEAKER, {"sender_id": SENDER_ID, "transport_file": file})
    assert answer.status == 200
    assert answer.body["transport_file"] == file
    assert answer.body["transport_params"] == [
        {
            "source_ip": "10.0.0.9",
            "multicast_ip": "239.1.2.3",
            "interface_ip": "auto",
            "destination_port": 5010,
            "rtp_enabled": True,
        }
    ]


def test_parameters_win_over_the_file_of_the_same_request() -> None:
    box = Box()
    body = {
        "transport_file": sdp_file(multicast_sdp()),
        "transport_params": [{"multicast_ip": "239.9.9.9", "interface_ip": "10.1.0.1"}],
    }
    [leg] = box.patch(Kind.RECEIVER, SPEAKER, body).body["transport_params"]
    assert leg["multicast_ip"] == "239.9.9.9"
    assert leg["interface_ip"] == "10.1.0.1"
    assert leg["destination_port"] == 5010


def test_a_later_request_wins_over_the_file_and_the_same_file_again_over_that() -> None:
    box = Box()
    file = {"transport_file": sdp_file(multicast_sdp())}
    box.patch(Kind.RECEIVER, SPEAKER, file)
    [leg] = box.patch(Kind.RECEIVER, SPEAKER, {"transport_params": [{"multicast_ip": "239.9.9.9"}]}).body[
        "transport_params"
    ]
    assert leg["multicast_ip"] == "239.9.9.9"
    [leg] = box.patch(Kind.RECEIVER, SPEAKER, file).body["transport_params"]
    assert leg["multicast_ip"] == "239.1.2.3"


@pytest.mark.parametrize("kind", [None, "application/sdp"])
def test_data_null_takes_the_file_away_and_nothing_else(kind: str | None) -> None:
    box = Box()
    before = box.patch(Kind.RECEIVER, SPEAKER, {"transport_file": sdp_file(multicast_sdp())}).body
    after = box.patch(Kind.RECEIVER, SPEAKER, {"transport_file": {"data": None, "type": kind}}).body
    assert after == {**before, "transport_file": {"data": None, "type": None}}


def test_media_types_are_compared_as_such() -> None:
    box = Box()
    for kind in ("Application/SDP", "application/sdp; charset=utf-8"):
        body = {"transport_file": {"data": multicast_sdp(), "type": kind}}
        assert box.patch(Kind.RECEIVER, SPEAKER, body).status == 200


def test_one_leg_in_the_file_switches_the_second_leg_off() -> None:
    box = Box()
    first, second = box.patch(Kind.RECEIVER, DUAL, {"transport_file": sdp_file(multicast_sdp())}).body[
        "transport_params"
    ]
    assert (first["multicast_ip"], first["rtp_enabled"]) == ("239.1.2.3", True)
    assert (second["multicast_ip"], second["rtp_enabled"]) == (None, False)


def test_two_legs_in_the_file_for_one_or_two_of_the_receiver() -> None:
    box = Box()
    legs = box.patch(Kind.RECEIVER, DUAL, {"transport_file": sdp_file(pair_sdp())}).body["transport_params"]
    assert [(leg["multicast_ip"], leg["destination_port"]) for leg in legs] == [
        ("239.1.2.3", 5010),
        ("239.1.2.4", 5012),
    ]
    assert all(leg["rtp_enabled"] for leg in legs)
    [leg] = box.patch(Kind.RECEIVER, SPEAKER, {"transport_file": sdp_file(pair_sdp())}).body["transport_params"]
    assert leg["multicast_ip"] == "239.1.2.3"


def test_a_unicast_receiver_has_no_multicast_parameter() -> None:
    box = Box()
    [constraint] = box.get(f"/v1.1/single/receivers/{DIRECT}/constraints")
    assert sorted(constraint) == ["destination_port", "interface_ip", "rtp_enabled", "source_ip"]
    answer = box.patch(Kind.RECEIVER, DIRECT, {"transport_file": sdp_file(multicast_sdp())})
    assert answer.status == 400
    assert "unicast" in answer.body["error"]
    unicast = multicast_sdp().replace("239.1.2.3/32", "10.1.0.1")
    [leg] = box.patch(Kind.RECEIVER, DIRECT, {"transport_file": sdp_file(unicast)}).body["transport_params"]
    assert leg == {"source_ip": None, "interface_ip": "10.1.0.1", "destination_port": 5010, "rtp_enabled": True}


def test_addresses_have_one_spelling() -> None:
    box = Box()
    answer = box.patch(Kind.RECEIVER, SPEAKER, {"transport_params": [{"interface_ip": "FD00:0:0::0001"}]})
    assert answer.body["transport_params"][0]["interface_ip"] == "fd00::1"


def test_constraints_list_every_address_of_each_legs_interfaces() -> None:
    box = Box()
    [one] = box.get(f"/v1.1/single/senders/{TONE}/constraints")
    assert one == {
        "source_ip": {"enum": ["10.0.0.1", "fd00::1", "10.1.0.1"]},
        "destination_ip": {},
        "source_port": {},
        "destination_port": {},
        "rtp_enabled": {},
    }
    red, blue = box.get(f"/v1.1/single/receivers/{DUAL}/constraints")
    assert red["interface_ip"] == {"enum": ["10.0.0.1", "fd00::1"]}
    assert blue["interface_ip"] == {"enum": ["10.1.0.1"]}
    assert "source_ip" in red
    assert red["source_ip"] == {}


def test_without_any_address_there_is_nothing_to_choose_from_but_auto_stages() -> None:
    box = Box(state=NO_NETWORK)
    red, _blue = box.get(f"/v1.1/single/receivers/{DUAL}/constraints")
    assert red["interface_ip"] == {}
    answer = box.patch(Kind.RECEIVER, DUAL, {"master_enable": True, "transport_params": [{"interface_ip": "auto"}, {}]})
    assert answer.status == 200
    assert answer.body["activation"] == NO_ACTIVATION
