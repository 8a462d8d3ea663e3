"""The parameter sets of FEC (ST 2022-5) and RTCP, where a sender or receiver is configured with them."""

from dataclasses import replace
from itertools import pairwise

import pytest

from appliance.config.model import Config, DeviceConfig, LegConfig, ReceiverConfig, SenderConfig, Transport
from appliance.core.types import JSON, Kind
from appliance.nmos.is05.sdp.parse import parse
from appliance.nmos.is05.sdp.transport import to_transport_params
from tests.support.specs import problems
from tests.unit.nmos.is05.boxes import IMMEDIATE, NO_NETWORK, Box, receiver_id, sender_id

CONFIG = Config(
    devices=(DeviceConfig("box"),),
    senders=(
        SenderConfig("both", "box", fec=True, rtcp=True),
        SenderConfig("rtcp", "box", rtcp=True),
        SenderConfig("pair", "box", fec=True, rtcp=True, legs=(LegConfig(), LegConfig())),
    ),
    receivers=(
        ReceiverConfig("both", "box", fec=True, rtcp=True),
        ReceiverConfig("direct", "box", transport=Transport.RTP_UCAST, fec=True),
        ReceiverConfig("pair", "box", fec=True, rtcp=True, legs=(LegConfig(), LegConfig())),
    ),
)
SENDER, RTCP, PAIR = (sender_id(name) for name in ("both", "rtcp", "pair"))
RECEIVER, DIRECT = receiver_id("both"), receiver_id("direct")
CORE = {"source_ip", "destination_ip", "source_port", "destination_port", "rtp_enabled"}
FEC = {
    "fec_enabled", "fec_destination_ip", "fec_type", "fec_mode", "fec_block_width", "fec_block_height",
    "fec1D_destination_port", "fec2D_destination_port", "fec1D_source_port", "fec2D_source_port",
}  # fmt: skip


def activate(box: Box, kind: Kind, id: str, *legs: JSON) -> JSON:
    body = {"activation": IMMEDIATE, "master_enable": True, "transport_params": list(legs)}
    answer = box.patch(kind, id, body)
    assert answer.status == 200, answer.body
    return dict(box.active(kind, id)["transport_params"][0])


@pytest.mark.parametrize("version", ["v1.0", "v1.1"])
@pytest.mark.parametrize("box", [Box(CONFIG), Box(CONFIG, state=NO_NETWORK)], ids=["up", "not initialised"])
def test_whole_sets_or_none_and_valid_in_both_versions(version: str, box: Box) -> None:
    for kind in (Kind.SENDER, Kind.RECEIVER):
        for id in box.connections.all(kind):
            base = f"/{version}/single/{kind.plural}/{id}"
            name = f"{version}-{kind}-response-schema" if version == "v1.0" else f"{kind}-response-schema"
            for which in ("staged", "active"):
                assert problems("is-05", version, name, box.get(f"{base}/{which}")) == []
            constraints = box.get(f"{base}/constraints")
            name = "v1.0-constraints-schema" if version == "v1.0" else "constraints-schema"
            assert problems("is-05", version, name, constraints) == []
            assert constraints[0].keys() == box.get(f"{base}/active")["transport_params"][0].keys()
            assert all("auto" not in leg.values() for leg in box.get(f"{base}/active")["transport_params"])
    [leg] = box.get(f"/{version}/single/senders/{RTCP}/constraints")
    assert leg.keys() == CORE | {"rtcp_enabled", "rtcp_destination_ip", "rtcp_destination_port", "rtcp_source_port"}
    [leg] = box.get(f"/{version}/single/receivers/{DIRECT}/constraints")
    assert "multicast_ip" not in leg
    assert {name for name in leg if name.startswith("fec")} == FEC - {
        *("fec_type", "fec_block_width", "fec_block_height", "fec1D_source_port", "fec2D_source_port"),
    }


def test_auto_goes_beside_rtp() -> None:
    leg = activate(Box(CONFIG), Kind.SENDER, SENDER, {"destination_ip": "239.1.2.3", "destination_port": 6000})
    assert {name: value for name, value in leg.items() if name not in CORE} == {
        "fec_enabled": False,
        "fec_destination_ip": "239.1.2.3",
        "fec_type": "XOR",
        "fec_mode": "1D",
        "fec_block_width": 4,
        "fec_block_height": 4,
        "fec1D_destination_port": 6002,
        "fec2D_destination_port": 6004,
        "fec1D_source_port": 5006,
        "fec2D_source_port": 5008,
        "rtcp_enabled": False,
        "rtcp_destination_ip": "239.1.2.3",
        "rtcp_destination_port": 6001,
        "rtcp_source_port": 5005,
    }


def test_a_receiver_expects_it_at_the_group_else_at_its_own_address() -> None:
    box = Box(CONFIG)
    leg = activate(box, Kind.RECEIVER, RECEIVER, {"multicast_ip": "239.1.2.3"})
    assert leg["fec_destination_ip"] == leg["rtcp_destination_ip"] == "239.1.2.3"
    assert leg["fec_mode"] == "2D"
    leg = activate(box, Kind.RECEIVER, RECEIVER, {"multicast_ip": None, "interface_ip": "10.1.0.1"})
    assert leg["fec_destination_ip"] == leg["rtcp_destination_ip"] == "10.1.0.1"
    assert (leg["fec1D_destination_port"], leg["fec2D_destination_port"]) == (5006, 5008)


def test_any_source_port_is_any_for_all() -> None:
    leg = activate(Box(CONFIG), Kind.SENDER, SENDER, {"source_port": 0})
    assert leg["rtcp_source_port"] == leg["fec1D_source_port"] == leg["fec2D_source_port"] == 0


@pytest.mark.parametrize(
    ("given", "parameter"),
    [
        (
            {"destination_port": 65535, "fec1D_destination_port": 5, "fec2D_destination_port": 7},
            "rtcp_destination_port",
        ),
        ({"destination_port": 65532}, "fec2D_destination_port"),
        ({"source_port": 65533}, "fec2D_source_port"),
    ],
)
def test_where_there_is_no_port_above_rtp_the_error_says_for_which(given: JSON, parameter: str) -> None:
    box = Box(CONFIG)
    body = {"activation": IMMEDIATE, "transport_params": [given]}
    answer = box.patch(Kind.SENDER, SENDER, body)
    assert answer.status == 500
    assert answer.body["error"].startswith(f"transport_params[0].{parameter} is 'auto' and cannot be resolved")
    assert box.changes == []
    assert box.patch(Kind.SENDER, SENDER, {**body, "master_enable": False}).status == 200
    assert (
        max(v for v in box.active(Kind.SENDER, SENDER)["transport_params"][0].values() if isinstance(v, int)) <= 65535
    )


@pytest.mark.parametrize(
    ("kind", "leg", "error"),
    [
        (Kind.SENDER, {"fec_mode": "auto"}, "fec_mode: must be one of"),
        (Kind.SENDER, {"fec_block_width": 3}, "fec_block_width: must be bigger than or equal to 4"),
        (Kind.SENDER, {"fec_block_height": 201}, "fec_block_height: must be smaller than or equal to 200"),
        (Kind.SENDER, {"fec_type": "xor"}, "fec_type: must be one of"),
        (Kind.SENDER, {"rtcp_destination_ip": "x"}, "rtcp_destination_ip: must be an IP address or auto"),
        (Kind.RECEIVER, {"fec_mode": "3D"}, "fec_mode: must be one of"),
        (Kind.RECEIVER, {"fec1D_destination_port": 0}, "fec1D_destination_port: must be bigger than or equal to 1"),
        (Kind.RECEIVER, {"fec_type": "XOR"}, "fec_type: is not a parameter here"),
    ],
)
def test_one_error_names_the_parameter(kind: Kind, leg: JSON, error: str) -> None:
    box = Box(CONFIG)
    answer = box.patch(kind, SENDER if kind is Kind.SENDER else RECEIVER, {"transport_params": [leg]})
    assert answer.status == 400
    assert answer.body["error"].startswith(f"transport_params[0].{error}")
    assert box.changes == []


def _file(box: Box, id: str) -> str:
    answer = box.ask("GET", f"/v1.1/single/senders/{id}/transportfile")
    assert answer.status == 200
    return bytes(answer.body).decode()


def test_the_transport_file_has_what_is_switched_on() -> None:
    box = Box(CONFIG)
    assert "fec" not in _file(box, SENDER)
    assert "rtcp" not in _file(box, SENDER)
    on = {"fec_enabled": True, "fec_mode": "2D", "fec_destination_ip": "239.1.2.4", "rtcp_enabled": True}
    activate(box, Kind.SENDER, SENDER, {**on, "destination_ip": "239.1.2.3"})
    lines = _file(box, SENDER).splitlines()
    assert "a=group:FEC-FR S1 S1-R1 S1-R2" in lines
    assert "a=rtcp:5005 IN IP4 239.1.2.3" in lines
    assert [line for line in lines if line.startswith("m=")] == [
        *("m=audio 5004 RTP/AVP 97", "m=application 5006 UDP/FEC", "m=application 5008 UDP/FEC"),
    ]
    assert lines.count("c=IN IP4 239.1.2.4/32") == lines.count("a=source-filter: incl IN IP4 239.1.2.4 10.0.0.1") == 2


def test_what_a_sender_writes_its_receiver_reads() -> None:
    box = Box(CONFIG)
    on = {"fec_enabled": True, "fec_mode": "2D", "rtcp_enabled": True}
    activate(box, Kind.SENDER, PAIR, on, {**on, "fec_mode": "1D", "destination_port": 7000})
    text = _file(box, PAIR)
    endpoint = box.endpoint(Kind.RECEIVER, receiver_id("pair"))
    read = to_transport_params(parse(text), legs=2, parameters=endpoint.parameters)
    sent = box.active(Kind.SENDER, PAIR)["transport_params"]
    for leg, sender in zip(read, sent, strict=True):
        assert leg["multicast_ip"] == sender["destination_ip"] == leg["fec_destination_ip"]
        for name in (
            "destination_port",
            "fec1D_destination_port",
            "rtcp_destination_port",
            "fec_enabled",
            "rtcp_enabled",
        ):
            assert leg[name] == sender[name]
    assert read[0]["fec2D_destination_port"] == sent[0]["fec2D_destination_port"]
    assert read[1]["fec2D_destination_port"] == "auto"
    order = [
        text.index(mark) for mark in ("a=group:DUP", "a=group:FEC-FR PRIMARY", "a=group:FEC-FR SECONDARY", "m=audio")
    ]
    assert all(before < after for before, after in pairwise(order))


def test_a_configuration_that_gains_them_begins_anew() -> None:
    box = Box(replace(CONFIG, senders=(SenderConfig("both", "box"),)))
    after = box.rebooted(CONFIG)
    assert "rtcp_enabled" in after.active(Kind.SENDER, SENDER)["transport_params"][0]
