"""From a transport file to transport parameters: IS-05 Behaviour - RTP Transport Type, case by case."""

from typing import Any

import pytest

from appliance.nmos.is05.sdp.model import SdpError, Session
from appliance.nmos.is05.sdp.parse import parse
from appliance.nmos.is05.sdp.transport import (
    MULTICAST_PARAMETERS,
    UNICAST_PARAMETERS,
    media_type,
    narrow,
    to_transport_params,
)
from tests.support import specs

FEC = {"fec_enabled", "fec_destination_ip", "fec_mode", "fec1D_destination_port", "fec2D_destination_port"}
RTCP = {"rtcp_enabled", "rtcp_destination_ip", "rtcp_destination_port"}


def session(*lines: str) -> Session:
    return parse("\n".join(["v=0", "o=- 1 1 IN IP4 192.0.2.1", "s=-", "t=0 0", *lines]))


def audio(*lines: str) -> Session:
    return session("m=audio 5004 RTP/AVP 97", "a=rtpmap:97 L24/48000/2", *lines)


def one_leg(file: Session, **options: Any) -> dict[str, Any]:
    (leg,) = to_transport_params(file, legs=1, **options)
    return leg


def test_source_specific_multicast() -> None:
    assert one_leg(audio("c=IN IP4 232.1.2.3/32", "a=source-filter: incl IN IP4 232.1.2.3 192.0.2.9")) == {
        "source_ip": "192.0.2.9",
        "multicast_ip": "232.1.2.3",
        "interface_ip": "auto",
        "destination_port": 5004,
        "rtp_enabled": True,
    }


def test_any_source_multicast() -> None:
    leg = one_leg(audio("c=IN IP4 239.1.2.3/32"))
    assert (leg["source_ip"], leg["multicast_ip"]) == (None, "239.1.2.3")


@pytest.mark.parametrize(("ours", "interface"), [({"192.0.2.7", "fe80::1"}, "192.0.2.7"), (set(), "auto")])
def test_unicast_comes_in_where_its_address_is(ours: set[str], interface: str) -> None:
    leg = one_leg(audio("c=IN IP4 192.0.2.7"), receiver_addresses=[ours])
    assert (leg["multicast_ip"], leg["interface_ip"], leg["source_ip"]) == (None, interface, None)


def test_unicast_from_a_known_source() -> None:
    file = audio("c=IN IP4 192.0.2.7", "a=source-filter: incl IN IP4 192.0.2.7 192.0.2.9")
    assert one_leg(file)["source_ip"] == "192.0.2.9"


def test_a_multicast_group_is_no_local_address() -> None:
    leg = one_leg(audio("c=IN IP4 239.1.2.3/32"), receiver_addresses=[{"239.1.2.3"}])
    assert leg["interface_ip"] == "auto"


def test_a_filter_for_another_address_does_not_hold() -> None:
    file = audio("c=IN IP4 239.1.2.3/32", "a=source-filter: incl IN IP4 239.9.9.9 192.0.2.9")
    assert one_leg(file)["source_ip"] is None


def test_a_filter_of_the_session_holds_for_its_address() -> None:
    file = session(
        "c=IN IP4 239.1.2.3/32",
        "a=source-filter: incl IN IP4 239.1.2.3 192.0.2.9",
        "m=audio 5004 RTP/AVP 97",
        "a=rtpmap:97 L24/48000/2",
    )
    assert one_leg(file)["source_ip"] == "192.0.2.9"


def test_one_stream_switches_the_second_leg_off_and_leaves_the_rest_of_it() -> None:
    legs = to_transport_params(audio("c=IN IP4 239.1.2.3/32"), legs=2)
    assert legs[0]["rtp_enabled"] is True
    assert legs[1] == {"rtp_enabled": False}


PAIR = (
    "a=group:DUP left right",
    "m=audio 5004 RTP/AVP 97",
    "c=IN IP4 239.1.0.1/32",
    "a=rtpmap:97 L24/48000/2",
    "a=mid:right",
    "m=video 5006 RTP/AVP 96",
    "c=IN IP4 239.3.0.1/32",
    "a=rtpmap:96 raw/90000",
    "m=audio 5008 RTP/AVP 97",
    "c=IN IP4 239.2.0.1/32",
    "a=rtpmap:97 L24/48000/2",
    "a=mid:left",
)


def test_path_one_is_what_the_file_has_first() -> None:
    legs = to_transport_params(session(*PAIR), legs=2)
    assert [leg["multicast_ip"] for leg in legs] == ["239.1.0.1", "239.2.0.1"]


def test_a_receiver_with_one_leg_takes_path_one() -> None:
    assert one_leg(session(*PAIR))["multicast_ip"] == "239.1.0.1"


def test_media_without_a_group_are_no_pair() -> None:
    legs = to_transport_params(session(*PAIR[1:]), legs=2)
    assert legs[1] == {"rtp_enabled": False}


def test_the_group_that_counts_is_the_first_stream_s() -> None:
    legs = to_transport_params(narrow(session(*PAIR), ["video/raw"]), legs=2)
    assert (legs[0]["multicast_ip"], legs[1]) == ("239.3.0.1", {"rtp_enabled": False})


@pytest.mark.parametrize("line", ["a=inactive", None])
def test_inactive_media_are_not_received(line: str | None) -> None:
    file = (
        audio("c=IN IP4 239.1.2.3/32", line)
        if line
        else session("m=audio 0 RTP/AVP 97", "c=IN IP4 239.1.2.3/32", "a=rtpmap:97 L24/48000")
    )
    leg = one_leg(file)
    assert leg["rtp_enabled"] is False
    assert leg["multicast_ip"] == "239.1.2.3"


def test_an_inactive_session_with_an_active_media() -> None:
    file = session("a=inactive", "m=audio 5004 RTP/AVP 97", "c=IN IP4 239.1.2.3/32", "a=recvonly")
    assert one_leg(file)["rtp_enabled"] is True


FEC_FILE = (
    "a=group:FEC-FR S1 R1",
    "m=video 30000 RTP/AVP 33",
    "c=IN IP4 233.252.0.1/127",
    "a=mid:S1",
    "m=application 30002 UDP/FEC",
    "c=IN IP4 233.252.0.2/127",
    "a=mid:R1",
)


def test_fec_where_the_receiver_knows_it() -> None:
    leg = one_leg(session(*FEC_FILE), parameters=MULTICAST_PARAMETERS | FEC)
    assert {name: leg[name] for name in FEC} == {
        "fec_enabled": True,
        "fec_destination_ip": "233.252.0.2",
        "fec_mode": "auto",
        "fec1D_destination_port": 30002,
        "fec2D_destination_port": "auto",
    }
    assert not FEC & set(one_leg(session(*FEC_FILE)))


def test_rtcp_where_the_receiver_knows_it() -> None:
    known = MULTICAST_PARAMETERS | RTCP
    leg = one_leg(audio("c=IN IP4 232.1.2.3/32", "a=rtcp:5009 IN IP4 232.1.2.4"), parameters=known)
    assert (leg["rtcp_enabled"], leg["rtcp_destination_ip"], leg["rtcp_destination_port"]) == (True, "232.1.2.4", 5009)
    leg = one_leg(audio("c=IN IP4 232.1.2.3/32", "a=rtcp:5009"), parameters=known)
    assert (leg["rtcp_destination_ip"], leg["rtcp_destination_port"]) == ("auto", 5009)


def test_what_the_file_does_not_have_is_switched_off() -> None:
    leg = one_leg(audio("c=IN IP4 232.1.2.3/32"), parameters=MULTICAST_PARAMETERS | RTCP | FEC)
    assert (leg["rtcp_enabled"], leg["fec_enabled"]) == (False, False)
    assert leg["rtcp_destination_ip"] == leg["fec_destination_ip"] == "auto"


def test_a_unicast_receiver_refuses_multicast() -> None:
    with pytest.raises(SdpError, match=r"239\.1\.2\.3 is multicast"):
        one_leg(audio("c=IN IP4 239.1.2.3/32"), parameters=UNICAST_PARAMETERS)
    leg = one_leg(audio("c=IN IP4 192.0.2.7"), parameters=UNICAST_PARAMETERS)
    assert set(leg) == UNICAST_PARAMETERS


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ((), "no m= line"),
        (("m=application 9 UDP/FEC 0",), "no RTP stream, only m=application UDP/FEC"),
        (("m=audio 5004 RTP/AVP 97",), "no c= line"),
        (("m=audio 5004 RTP/AVP 97", "c=IN IP4 encoder.example.com"), "'encoder.example.com' is no IP address"),
        (
            ("m=audio 5004 RTP/AVP 97", "c=IN IP4 239.1.1.1", "a=source-filter: incl IN * * mic.example.com"),
            "'mic.example.com' is no IP address",
        ),
        (
            ("m=audio 5004 RTP/AVP 97", "c=IN IP4 239.1.1.1", "a=source-filter: incl IN * * 239.1.1.1"),
            "cannot be a source",
        ),
    ],
)
def test_what_cannot_be_connected_to(lines: tuple[str, ...], reason: str) -> None:
    with pytest.raises(SdpError) as caught:
        one_leg(session(*lines))
    assert reason in caught.value.message


def test_a_payload_type_that_nobody_explains() -> None:
    with pytest.raises(SdpError, match="no a=rtpmap says what payload type 97 is"):
        media_type(session("m=audio 5004 RTP/AVP 97", "c=IN IP4 239.1.1.1"))


@pytest.mark.parametrize("version", ["v1.0", "v1.1"])
def test_amwa_s_examples(version: str) -> None:
    files = dict(_transport_files(dict(specs.examples("is-05", version))))
    assert len(files) >= 4
    for name, text in files.items():
        leg = one_leg(parse(text), parameters=MULTICAST_PARAMETERS | FEC | RTCP)
        # The schema of v1.0 is that of all the legs, that of v1.1 of one.
        schema, document = ("v1.0_receiver", [leg]) if version == "v1.0" else ("receiver", leg)
        assert specs.problems("is-05", version, f"{schema}_transport_params_rtp", document) == [], name
        assert leg["multicast_ip"] == "232.250.98.80"


def _transport_files(document: Any, path: str = "") -> list[tuple[str, str]]:
    if isinstance(document, list):
        document = dict(enumerate(document))
    if not isinstance(document, dict):
        return []
    found = [entry for key, value in document.items() for entry in _transport_files(value, f"{path}/{key}")]
    data = document.get("data")
    return [*found, (path, data)] if isinstance(data, str) and document.get("type") == "application/sdp" else found
