"""Another configuration under running connections: what did not change keeps all it has, in one transaction."""

from dataclasses import replace

import pytest

from appliance.config.model import Config, ReceiverConfig, SenderConfig
from appliance.core.types import JSON, Kind
from appliance.errors import NotFound
from appliance.network.model import Role
from appliance.nmos.is04.build import Host
from appliance.nmos.is05.endpoint import endpoints
from tests.unit.nmos.is05.boxes import (
    CONFIG,
    IDENTITIES,
    SENDER_ID,
    TWO_PORTS,
    Box,
    multicast_sdp,
    receiver_id,
    sender_id,
)

SPEAKER, BOOTH, TONE, OFF = receiver_id("speaker"), receiver_id("booth"), sender_id("tone"), sender_id("off")
WITH_BOOTH = replace(CONFIG, receivers=(*CONFIG.receivers, ReceiverConfig("booth", "box")))
LATER: JSON = {"mode": "activate_scheduled_relative", "requested_time": "10:0"}


def connected() -> Box:
    box = Box()
    box.connections.take(SPEAKER, {"id": SENDER_ID}, multicast_sdp())
    box.changes.clear()
    return box


def reload(box: Box, config: Config) -> None:
    """In one go, whatever there is of it."""
    box.builder.configure(config)
    with box.store.transaction("reload") as tx:
        box.builder.write(tx, Host("box", ("10.0.0.1",), 8080, TWO_PORTS))
        box.connections.reconfigure(tx, endpoints(config, IDENTITIES))


def changed_sender(**fields: object) -> Config:
    first, *others = CONFIG.senders
    return replace(CONFIG, senders=(replace(first, **fields), *others))  # type: ignore[arg-type]


def test_the_same_configuration_changes_nothing() -> None:
    box = connected()
    reload(box, CONFIG)
    assert box.changes == []


def test_a_receiver_more_is_one_change_and_touches_no_other() -> None:
    box = connected()
    reload(box, WITH_BOOTH)
    (change,) = box.changes
    assert {resource.id for resource in change.resources} == {BOOTH, IDENTITIES.of(Kind.DEVICE, "box")}
    assert {aspect.id for aspect in change.aspects} == {BOOTH}
    assert not box.active(Kind.RECEIVER, BOOTH)["master_enable"]
    assert f"{BOOTH}/" in box.get("/v1.1/single/receivers/")


def test_a_receiver_less_is_gone_with_all_it_had() -> None:
    box = connected()
    box.patch(Kind.RECEIVER, SPEAKER, {"activation": LATER})
    reload(box, replace(CONFIG, receivers=CONFIG.receivers[1:]))
    assert box.store.get(Kind.RECEIVER, SPEAKER) is None
    assert box.store.aspect("connection", SPEAKER) is None
    with pytest.raises(NotFound):
        box.endpoint(Kind.RECEIVER, SPEAKER)
    box.clock.advance(60)
    while box.connections.get_timer() is not None:
        assert box.connections.handle_timer() == ()


def test_what_is_staged_or_pending_elsewhere_stays() -> None:
    box = connected()
    box.patch(Kind.SENDER, TONE, {"master_enable": False, "activation": LATER})
    box.patch(Kind.RECEIVER, SPEAKER, {"master_enable": False})
    before = box.aspect(SPEAKER), box.aspect(TONE)
    reload(box, WITH_BOOTH)
    assert (box.aspect(SPEAKER), box.aspect(TONE)) == before
    box.clock.advance(60)
    fired: list[str] = []
    while box.connections.get_timer() is not None:
        fired += box.connections.handle_timer()
    assert fired == [TONE]


def test_a_label_more_leaves_the_connection_and_the_activation_time() -> None:
    box = connected()
    before = box.aspect(TONE)
    reload(box, changed_sender(label="1 kHz"))
    assert box.aspect(TONE) == before
    assert box.resource(Kind.SENDER, TONE)["label"] == "1 kHz"


def test_another_format_gives_the_sender_of_it_a_new_version() -> None:
    """Its transport file says something else: IS-04 sender.json, manifest_href."""
    box = connected()
    version = box.resource(Kind.SENDER, TONE)["version"]
    path = f"/v1.1/single/senders/{TONE}/transportfile"
    assert b"L24/48000/2" in box.get(path)
    reload(box, changed_sender(media_type="audio/L16", channels=4))
    assert b"L16/48000/4" in box.get(path)
    assert box.resource(Kind.SENDER, TONE)["version"] != version


def test_other_parameters_begin_anew() -> None:
    box = connected()
    reload(box, changed_sender(fec=True))
    leg = box.active(Kind.SENDER, TONE)["transport_params"][0]
    assert leg["fec_enabled"] is False
    assert box.active(Kind.SENDER, TONE)["master_enable"] is True


def test_a_sender_that_is_new_and_active_sends() -> None:
    box = connected()
    reload(box, replace(CONFIG, senders=(*CONFIG.senders, SenderConfig("second", "box"))))
    active = box.active(Kind.SENDER, sender_id("second"))
    assert active["master_enable"] is True
    assert active["transport_params"][0]["source_ip"] == "10.0.0.1"


def test_what_streams_take_of_the_network_follows() -> None:
    box = connected()

    def taken(role: Role = Role.SENDER) -> int:
        return sum(box.connections.commitments.of(role).values())

    before = taken()
    reload(box, changed_sender(channels=4))
    assert taken() == before + 48_000 * 24 * 2
    new = replace(CONFIG.senders[0], name="new", channels=1)
    reload(box, replace(CONFIG, senders=(*CONFIG.senders, new)))
    assert taken() == before + 48_000 * 24 + 1000 * 8 * 78
    assert taken(Role.RECEIVER) > 0
    reload(box, replace(CONFIG, senders=(), receivers=()))
    assert taken() == taken(Role.RECEIVER) == 0
