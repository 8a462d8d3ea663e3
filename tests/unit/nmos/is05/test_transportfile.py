"""A sender's transport file: what is in it, when there is one, and that its version grows."""

from appliance.core.types import Kind
from appliance.nmos.is05.sdp.parse import parse
from appliance.nmos.is05.sdp.transport import media_type, to_transport_params
from tests.unit.nmos.is05.boxes import IMMEDIATE, NO_NETWORK, Box, sender_id

TONE = sender_id("tone")
PAIR = sender_id("pair")


def sdp(box: Box, id: str = TONE, version: str = "v1.1") -> str:
    answer = box.ask("GET", f"/{version}/single/senders/{id}/transportfile")
    assert answer.status == 200
    return bytes(answer.body).decode()


def test_it_says_what_is_active() -> None:
    box = Box()
    for id in (TONE, PAIR):
        session = parse(sdp(box, id))
        active = box.active(Kind.SENDER, id)["transport_params"]
        for theirs, ours in zip(to_transport_params(session, legs=len(active)), active, strict=True):
            assert theirs["multicast_ip"] == ours["destination_ip"]
            assert theirs["source_ip"] == ours["source_ip"]
            assert theirs["destination_port"] == ours["destination_port"]
        assert media_type(session) == "audio/L24"
        assert session.name == box.resource(Kind.SENDER, id)["label"]


def test_it_is_the_same_in_both_versions_and_while_the_sender_is_off() -> None:
    box = Box()
    assert sdp(box) == sdp(box, version="v1.0")
    box.patch(Kind.SENDER, TONE, {"master_enable": False, "activation": IMMEDIATE})
    assert "m=audio 5004" in sdp(box)


def test_a_staged_change_is_not_in_it() -> None:
    box = Box()
    before = sdp(box)
    box.patch(Kind.SENDER, TONE, {"transport_params": [{"destination_port": 9000}]})
    assert sdp(box) == before


def test_its_session_stays_and_its_version_grows() -> None:
    box = Box()
    origins = []
    for _ in range(3):
        origin = parse(sdp(box)).origin
        assert origin is not None
        origins.append(origin)
        box.patch(Kind.SENDER, TONE, {"activation": IMMEDIATE})
    assert len({origin.session_id for origin in origins}) == 1
    versions = [int(origin.session_version) for origin in origins]
    assert versions == sorted(set(versions))
    assert max(versions) < 2**63


def test_there_is_none_without_an_address_or_a_leg_that_is_on() -> None:
    box = Box(state=NO_NETWORK)
    assert box.ask("GET", f"/v1.1/single/senders/{TONE}/transportfile").status == 404
    box = Box()
    box.patch(Kind.SENDER, TONE, {"transport_params": [{"rtp_enabled": False}], "activation": IMMEDIATE})
    answer = box.ask("GET", f"/v1.1/single/senders/{TONE}/transportfile")
    assert answer.status == 404
    assert answer.headers["Cache-Control"] == "no-cache"


def test_one_leg_off_is_left_out() -> None:
    box = Box()
    body = {"transport_params": [{}, {"rtp_enabled": False}], "activation": IMMEDIATE}
    box.patch(Kind.SENDER, PAIR, body)
    assert sdp(box, PAIR).count("m=audio") == 1
