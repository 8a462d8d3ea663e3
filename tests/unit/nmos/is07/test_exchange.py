"""The seam: what carriers are told when IS-05 activates and parks, and what becomes of what they receive."""

from dataclasses import replace

from appliance.config.loader import parse
from appliance.core.types import Kind
from appliance.media.engine import StreamStatus
from appliance.nmos.is05.endpoint import endpoints
from appliance.nmos.is07.messages import Ending, Event, State
from appliance.nmos.is07.types import Payload
from tests.unit.nmos.is05.boxes import IDENTITIES
from tests.unit.nmos.is07.tallies import CONFIG, TallyBox, receiver, sender, source

THERE = "674e32cb-84b5-475e-b7db-7821530c4375"
URI = {"connection_uri": "ws://10.0.0.7:80/x", "ext_is_07_source_id": THERE}


def test_what_is_active_at_the_start_is_carried_with_its_state() -> None:
    box = TallyBox()
    box.exchange.start()
    said = box.websocket.take()
    assert [entry[:2] for entry in said] == [
        ("send", sender("button")), ("publish", sender("button")),
        ("send", sender("fader")), ("publish", sender("fader")),
    ]  # fmt: skip
    assert said[0][2]["ext_is_07_source_id"] == source("button")
    assert said[1][2] == box.sources.carried(source("button"))
    assert [entry[:2] for entry in box.mqtt.take()] == [("send", sender("mode")), ("publish", sender("mode"))]


def test_events_go_to_the_carrier_of_their_sender_in_order_while_it_is_active() -> None:
    box = TallyBox()
    box.exchange.start()
    box.websocket.take()
    box.mqtt.take()
    for value in (True, False, True):
        box.sources.set(source("button"), value)
    assert [entry[2].payload.value for entry in box.websocket.take()] == [True, False, True]
    assert not box.mqtt.take()
    box.patch(Kind.SENDER, "button", enable=False)
    box.sources.set(source("button"), False)
    box.patch(Kind.SENDER, "button")
    said = box.websocket.take()
    assert [entry[0] for entry in said] == ["stop_sending", "send", "publish"]
    assert said[-1][2].payload == Payload(False)


def test_the_same_again_is_done_again_and_what_is_only_staged_is_not() -> None:
    box = TallyBox()
    box.exchange.start()
    box.patch(Kind.RECEIVER, "lamp", URI)
    box.websocket.take()
    box.clock.advance(1)
    box.patch(Kind.RECEIVER, "lamp")
    assert [entry[0] for entry in box.websocket.take()] == ["receive"]
    box.box.connections.patch(Kind.RECEIVER, receiver("lamp"), {"master_enable": False})
    assert not box.websocket.take()
    box.patch(Kind.RECEIVER, "lamp", enable=False)
    box.patch(Kind.RECEIVER, "lamp", enable=False)
    assert box.websocket.take() == [("stop_receiving", receiver("lamp"))]


def test_received_events_reach_who_listens_while_the_receiver_is_active() -> None:
    box = TallyBox()
    heard: list[tuple[str, Event]] = []
    box.exchange.on_event(lambda *event: heard.append(event))
    box.exchange.start()
    state = State(THERE, "boolean", Payload(True), 5)
    box.exchange.received(receiver("lamp"), state)
    assert not heard, "it is parked"
    box.patch(Kind.RECEIVER, "lamp", URI)
    events: list[Event] = [state, Ending("reboot", THERE, 6), State(THERE, "number/position/percent", Payload(1), 7)]
    for event in events:
        box.exchange.received(receiver("lamp"), event)
    assert heard == [(receiver("lamp"), event) for event in events]


def test_a_type_that_the_receiver_does_not_take_is_a_fault() -> None:
    box = TallyBox()
    told: dict[str, StreamStatus] = {}
    box.exchange.on_status(told.__setitem__)
    box.exchange.start()
    box.patch(Kind.RECEIVER, "lamp", URI)
    box.exchange.received(receiver("lamp"), State(THERE, "string", Payload("on"), 5))
    detail = "its events are string, this receiver takes boolean, number/*"
    assert told == {receiver("lamp"): StreamStatus("fault", detail)}
    box.exchange.report(receiver("lamp"), "running")
    box.patch(Kind.RECEIVER, "lamp", enable=False)
    assert told == {receiver("lamp"): StreamStatus()}


def test_another_configuration_leaves_alone_what_is_equal_in_it() -> None:
    box = TallyBox()
    box.exchange.start()
    box.patch(Kind.RECEIVER, "lamp", URI)
    box.sources.set(source("button"), True)
    box.websocket.take()
    box.mqtt.take()

    config = parse(CONFIG.replace('"mqtt"', '"websocket"').replace("max = 100", "max = 50"))
    kept = replace(config, senders=tuple(one for one in config.senders if one.name != "mode"))
    made = endpoints(kept, IDENTITIES)
    box.sources.reconfigure(made)
    box.exchange.reconfigure(made)
    assert box.mqtt.take() == [("stop_sending", sender("mode"))]
    assert box.websocket.take() == []
    assert box.sources.state(source("button")).payload == Payload(True)
    assert set(box.sources.all) == {source("button"), source("fader")}
    assert box.exchange.receiving(receiver("lamp")) is not None

    box.exchange.reconfigure(())
    said = [entry[:2] for entry in box.websocket.take()]
    assert said == [
        ("stop_sending", sender("button")), ("stop_sending", sender("fader")), ("stop_receiving", receiver("lamp"))
    ]  # fmt: skip


def test_a_source_that_goes_says_so_and_no_other() -> None:
    box = TallyBox()
    box.exchange.start()
    box.websocket.take()
    box.sources.end("shutdown", {source("fader")})
    assert [(what, id, event.kind) for what, id, event in box.websocket.take()] == [
        ("publish", sender("fader"), "shutdown")
    ]
