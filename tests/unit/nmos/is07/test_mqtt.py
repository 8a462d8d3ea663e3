"""What waits for a broker, who listens to what, which broker, and packets that are too long."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.config.model import BrokerConfig
from appliance.core.types import JSON
from appliance.nmos.is07.mqtt import Broker, Outbox, Outgoing, PacketGuard, Topics, broker_of


def state(topic: str, value: int) -> Outgoing:
    return Outgoing(topic, str(value).encode(), retain=True)


def goodbye(topic: str) -> Outgoing:
    return Outgoing(topic, b"bye", retain=False)


class Wire:
    """A broker that takes what it is given, and acknowledges when it is told to."""

    def __init__(self, **options: int) -> None:
        self.outbox = Outbox(**options)
        self.taken: list[str] = []
        self._id = 0

    def flush(self) -> list[str]:
        taken = []
        while (head := self.outbox.head) is not None:
            self._id += 1
            self.outbox.sent(self._id)
            taken.append(f"{head.topic}={head.payload.decode()}")
        return taken

    def acknowledge(self, *ids: int) -> None:
        for id in ids:
            self.outbox.done(id)


def test_while_connected_everything_goes_in_its_order() -> None:
    wire = Wire()
    wire.outbox.connected([])
    for number in range(5):
        wire.outbox.put(state("a", number))
    wire.outbox.put(goodbye("a"))
    assert wire.flush() == ["a=0", "a=1", "a=2", "a=3", "a=4", "a=bye"]
    assert not wire.outbox.empty
    wire.acknowledge(1, 2, 3, 4, 5, 6, 99)
    assert wire.outbox.empty


def test_no_more_is_under_way_than_the_window() -> None:
    wire = Wire(window=2)
    wire.outbox.connected([])
    for number in range(4):
        wire.outbox.put(state("a", number))
    assert wire.flush() == ["a=0", "a=1"]
    wire.acknowledge(1)
    assert wire.flush() == ["a=2"]


def test_what_was_not_acknowledged_goes_again_and_what_was_said_meanwhile_is_the_newest() -> None:
    wire = Wire()
    wire.outbox.connected([])
    for number in range(3):
        wire.outbox.put(state("a", number))
    wire.flush()
    wire.acknowledge(1)
    wire.outbox.lost()
    for number in range(10, 13):
        wire.outbox.put(state("a", number))
        wire.outbox.put(state("b", number))
    wire.outbox.connected([state("a", 12), state("b", 12), state("c", 0)])
    assert wire.flush() == ["a=1", "a=2", "a=12", "b=12", "c=0"]


def test_lost_twice_keeps_the_order() -> None:
    wire = Wire(window=2)
    wire.outbox.connected([])
    for number in range(3):
        wire.outbox.put(state("a", number))
    wire.flush()
    wire.outbox.lost()
    wire.outbox.connected([])
    assert wire.flush() == ["a=0", "a=1"]
    wire.outbox.lost()
    wire.outbox.connected([])
    wire.acknowledge(3)
    assert wire.flush() == ["a=0", "a=1"]


def test_a_broker_that_takes_nothing_does_not_fill_the_memory() -> None:
    wire = Wire(window=1, most=10)
    wire.outbox.connected([])
    wire.outbox.put(state("a", 0))
    wire.flush()
    for number in range(1, 1000):
        wire.outbox.put(state("a", number))
        wire.outbox.put(goodbye("a"))
    wire.acknowledge(1)
    waited = []
    while more := wire.flush():
        waited += more
        wire.acknowledge(*range(2000))
    assert len(waited) <= 11
    assert waited[-2:] == ["a=999", "a=bye"]


def test_what_waits_for_one_that_stopped_is_dropped() -> None:
    wire = Wire()
    wire.outbox.put(state("a", 1))
    wire.outbox.put(state("b", 1))
    wire.outbox.forget("a")
    wire.outbox.connected([])
    assert wire.flush() == ["b=1"]


EVENTS, STATUS = "x-nmos/events/v1.0/sources/1", "x-nmos/events/v1.0/connections/1"


def leg(events: str | None, status: str | None) -> JSON:
    return {"broker_topic": events, "connection_status_broker_topic": status}


def test_a_topic_is_needed_as_long_as_any_receiver_listens_to_it() -> None:
    topics = Topics()
    topics.put("lamp", leg(EVENTS, STATUS))
    topics.put("display", leg("other", STATUS))
    topics.put("parked", leg(None, None))
    assert topics.all == {EVENTS, STATUS, "other"}
    assert topics.for_events(EVENTS) == ["lamp"]
    assert topics.for_status(STATUS) == ["lamp", "display"]
    topics.remove("lamp")
    assert topics.all == {STATUS, "other"}
    topics.remove("display")
    topics.remove("nobody")
    assert topics
    topics.remove("parked")
    assert not topics


def params(**changes: object) -> JSON:
    leg = {"host": "10.0.0.9", "port": 1883}
    given = {f"destination_{name}": changes.pop(name, value) for name, value in leg.items()}
    return {**given, "broker_protocol": "mqtt", "broker_authorization": False, **changes}


OURS = BrokerConfig("10.0.0.9", username="stage", password="secret")


@pytest.mark.parametrize(
    ("leg", "configured", "broker"),
    [
        (params(), None, Broker("10.0.0.9", 1883, False)),
        (params(broker_protocol="secure-mqtt", port=8883), None, Broker("10.0.0.9", 8883, True)),
        (params(broker_authorization=True), OURS, Broker("10.0.0.9", 1883, False, ("stage", "secret"))),
        (params(), OURS, Broker("10.0.0.9", 1883, False)),
        (params(host=None), None, "no broker is named"),
    ],
)
def test_the_broker_of_a_leg(leg: JSON, configured: BrokerConfig | None, broker: Broker | str) -> None:
    assert broker_of(leg, configured) == broker


@pytest.mark.parametrize("configured", [None, OURS, BrokerConfig("evil")])
def test_the_password_is_for_the_configured_host_only(configured: BrokerConfig | None) -> None:
    answer = broker_of(params(host="evil", broker_authorization=True), configured)
    assert answer == "evil wants authorization, and events.mqtt_broker has no username for it"


def packet(length: int) -> bytes:
    encoded, rest = b"", length
    while True:
        encoded += bytes([rest % 128 | (0x80 if rest >= 128 else 0)])
        rest //= 128
        if not rest:
            return b"\x30" + encoded + bytes(length)


@given(st.lists(st.integers(0, 1000), max_size=10), st.lists(st.integers(1, 7), min_size=1))
def test_packets_within_the_limit_pass_however_they_are_cut(lengths: list[int], cuts: list[int]) -> None:
    guard, data = PacketGuard(1000), b"".join(map(packet, lengths))
    while data:
        for cut in cuts:
            assert guard.feed(data[:cut])
            data = data[cut:]


@pytest.mark.parametrize("head", [packet(1001)[:3], b"\x30\xff\xff\xff\xff\x7f", b"\x30\x80\x80\x80\x80\x80\x80"])
def test_one_that_is_too_long_does_not_and_is_refused_by_its_head(head: bytes) -> None:
    guard = PacketGuard(1000)
    assert guard.feed(packet(7))
    assert not guard.feed(head)
