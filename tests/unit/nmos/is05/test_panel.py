"""Take, release and IS-04's target: the same activation as a controller's PATCH, seen the same way."""

from dataclasses import replace

import pytest

from appliance.config.model import Format, LegConfig, ReceiverConfig
from appliance.core.types import Kind
from appliance.errors import BadRequest, Locked, NotFound, Unresolvable
from appliance.nmos.is05.sdp.parse import parse
from appliance.nmos.is05.sdp.transport import media_type
from tests.support.specs import recorded_documents
from tests.unit.nmos.is05.boxes import (
    CONFIG,
    IMMEDIATE,
    NO_NETWORK,
    SENDER_ID,
    Box,
    multicast_sdp,
    receiver_id,
    sender_id,
)

SPEAKER = receiver_id("speaker")
DUAL = receiver_id("dual")
PENDING = {"activation": {"mode": "activate_scheduled_relative", "requested_time": "5:0"}}


def test_a_take_is_seen_as_if_a_controller_had_done_it() -> None:
    panel, controller = Box(), Box()
    outcome = panel.connections.take(SPEAKER, {"id": SENDER_ID, "label": "there"}, multicast_sdp())
    body = {
        "sender_id": SENDER_ID,
        "master_enable": True,
        "transport_file": {"data": multicast_sdp(), "type": "application/sdp"},
        "activation": IMMEDIATE,
    }
    answer = controller.patch(Kind.RECEIVER, SPEAKER, body)
    assert outcome.activated
    assert outcome.staged == answer.body
    assert panel.aspect(SPEAKER) == controller.aspect(SPEAKER)
    assert panel.resource(Kind.RECEIVER, SPEAKER) == controller.resource(Kind.RECEIVER, SPEAKER)


def test_a_take_does_not_activate_what_somebody_is_staging() -> None:
    box = Box()
    box.connections.take(DUAL, {"id": SENDER_ID}, multicast_sdp())
    box.patch(Kind.RECEIVER, DUAL, {"transport_params": [{}, {"source_ip": "10.1.0.9", "destination_port": 9000}]})
    box.connections.take(DUAL, {"id": SENDER_ID}, multicast_sdp("239.5.5.5"))
    first, second = box.active(Kind.RECEIVER, DUAL)["transport_params"]
    assert first["multicast_ip"] == "239.5.5.5"
    assert (second["source_ip"], second["destination_port"], second["rtp_enabled"]) == (None, 5004, False)
    assert box.staged(Kind.RECEIVER, DUAL)["transport_params"][1]["source_ip"] is None


def test_a_sender_that_is_no_nmos_one() -> None:
    box = Box()
    box.connections.take(SPEAKER, None, multicast_sdp())
    assert box.resource(Kind.RECEIVER, SPEAKER)["subscription"] == {"sender_id": None, "active": True}


def test_release_keeps_what_was_connected_but_is_off() -> None:
    box = Box()
    box.connections.take(SPEAKER, {"id": SENDER_ID}, multicast_sdp())
    outcome = box.connections.release(SPEAKER)
    assert outcome.activated
    assert box.active(Kind.RECEIVER, SPEAKER)["master_enable"] is False
    assert box.resource(Kind.RECEIVER, SPEAKER)["subscription"] == {"sender_id": None, "active": False}


def test_the_panel_respects_what_is_pending() -> None:
    box = Box()
    box.patch(Kind.RECEIVER, SPEAKER, PENDING)
    with pytest.raises(Locked):
        box.connections.take(SPEAKER, {"id": SENDER_ID}, multicast_sdp())
    with pytest.raises(Locked):
        box.connections.release(SPEAKER)


@pytest.mark.parametrize(
    ("sdp", "reason"),
    [
        ("", "SDP"),
        ("hello", "SDP"),
        (multicast_sdp(media="L24/44100/2"), "its sample rate is 44100, this receiver takes 48000"),
    ],
)
def test_why_a_sender_does_not_fit(sdp: str, reason: str) -> None:
    box = Box()
    before = box.aspect(SPEAKER)
    with pytest.raises(BadRequest, match=reason):
        box.connections.take(SPEAKER, {"id": SENDER_ID}, sdp)
    assert box.aspect(SPEAKER) == before


def test_what_another_product_sends_is_taken() -> None:
    """nmos-cpp's transport files: two legs, each media type to a receiver of that type."""
    documents = recorded_documents("nmos-cpp-node", "connection", "v1.1")
    files = [text for path, text in documents.items() if path.endswith(".sdp")]
    assert files
    taken = [_taken_as(text) for text in files]
    assert "audio/L24" in taken


def _taken_as(sdp: str) -> str:
    """The media type as which a receiver that takes everything took it."""
    kind = media_type(parse(sdp))
    format_ = Format.AUDIO if kind.startswith("audio/") else Format.VIDEO
    # The null driver limits nothing; GStreamer would take no interlaced picture.
    legs = (LegConfig(), LegConfig())
    receiver = ReceiverConfig("any", "box", format=format_, media_types=(kind,), legs=legs, driver="null")
    box = Box(replace(CONFIG, receivers=(receiver,)))
    box.connections.take(receiver_id("any"), {"id": SENDER_ID}, sdp)
    for leg in box.active(Kind.RECEIVER, receiver_id("any"))["transport_params"]:
        assert leg["rtp_enabled"]
        assert leg["multicast_ip"].startswith("23")
        assert leg["interface_ip"] in ("10.0.0.1", "10.1.0.1")
    return kind


def test_a_picture_that_the_driver_cannot_take_is_refused_and_not_a_fault_afterwards() -> None:
    documents = recorded_documents("nmos-cpp-node", "connection", "v1.1")
    sdp = next(text for path, text in documents.items() if path.endswith(".sdp") and "interlace;" in text)
    receiver = ReceiverConfig("wall", "box", format=Format.VIDEO, media_types=(media_type(parse(sdp)),))
    box = Box(replace(CONFIG, receivers=(receiver,)))
    with pytest.raises(BadRequest, match="this receiver takes progressive"):
        box.connections.take(receiver_id("wall"), {"id": SENDER_ID}, sdp)


def test_a_take_without_a_network() -> None:
    box = Box(state=NO_NETWORK)
    with pytest.raises(Unresolvable, match="interface_ip"):
        box.connections.take(SPEAKER, {"id": SENDER_ID}, multicast_sdp())


def test_only_receivers_can_take() -> None:
    box = Box()
    for id in ("nothing", sender_id("tone")):
        with pytest.raises(NotFound):
            box.connections.take(id, None, multicast_sdp())
        with pytest.raises(NotFound):
            box.connections.release(id)
        with pytest.raises(NotFound):
            box.connections.target(id, {}, None)


def test_target_is_an_immediate_activation_in_place_of_what_is_staged_or_pending() -> None:
    box = Box()
    box.patch(Kind.RECEIVER, SPEAKER, {"transport_params": [{"destination_port": 9000}], **PENDING})
    box.connections.target(SPEAKER, {"id": SENDER_ID, "manifest_href": "http://there/sdp"}, multicast_sdp())
    active, staged = box.active(Kind.RECEIVER, SPEAKER), box.staged(Kind.RECEIVER, SPEAKER)
    assert active["transport_params"][0]["destination_port"] == 5010
    assert (staged["sender_id"], staged["master_enable"]) == (SENDER_ID, True)
    assert staged["activation"]["mode"] is None
    assert box.aspect(SPEAKER)["pending"] is None
    assert box.connections.get_timer() is None


def test_target_with_nothing_disconnects() -> None:
    box = Box()
    box.connections.take(SPEAKER, {"id": SENDER_ID}, multicast_sdp())
    box.patch(Kind.RECEIVER, SPEAKER, {"sender_id": None})
    box.connections.target(SPEAKER, {}, None)
    assert box.active(Kind.RECEIVER, SPEAKER)["master_enable"] is False
    assert box.staged(Kind.RECEIVER, SPEAKER)["sender_id"] == SENDER_ID


def test_a_refused_target_leaves_what_is_pending() -> None:
    box = Box()
    box.patch(Kind.RECEIVER, SPEAKER, PENDING)
    before = box.aspect(SPEAKER)
    for sender, sdp in (({"id": SENDER_ID}, None), ({"label": "x"}, multicast_sdp()), ({"id": 5}, multicast_sdp())):
        with pytest.raises(BadRequest):
            box.connections.target(SPEAKER, sender, sdp)
    assert box.aspect(SPEAKER) == before
    assert box.connections.get_timer() is not None
