"""Following ptp4l, in virtual time and with a ptp4l on paper."""

import pytest

from appliance.network.ptp import (
    Action,
    Id,
    Management,
    PortDataSet,
    PortIdentity,
    PortState,
    PtpClock,
)
from appliance.network.ptp_follower import ASKED_BEAT_S, NOTIFIED_BEAT_S, PROBE_PAUSE_S, PtpFollower
from tests.unit.network.paper_ptp4l import GMID, OTHER, OWN, US, Ptp4l


class Box:
    """A follower, its ptp4l (or none that answers), and the time between them."""

    def __init__(self, ptp4l: Ptp4l | None = None, *, may_subscribe: bool = True) -> None:
        self.ptp4l = ptp4l
        self.now = 1000.0
        self.sent = 0
        self.told: list[PtpClock | None] = []
        self.follower = PtpFollower(US)
        self._heard(self.follower.opened(self.now, may_subscribe=may_subscribe))
        self.exchange()

    def exchange(self) -> None:
        while sending := self.follower.outgoing():
            for datagram in sending:
                self.sent += 1
                for answer in self.ptp4l.answer(datagram) if self.ptp4l else ():
                    self.receive(answer)

    def receive(self, datagram: bytes) -> None:
        self._heard(self.follower.received(datagram, self.now))

    def wait(self, seconds: float) -> None:
        until = self.now + seconds
        while (due := self.follower.due()) is not None and due <= until:
            self.now = max(due, self.now)
            self._heard(self.follower.tick(self.now))
            self.exchange()
        self.now = until

    def _heard(self, changed: bool) -> None:
        if changed:
            self.told.append(self.follower.clock)

    @property
    def clock(self) -> PtpClock | None:
        return self.follower.clock


@pytest.mark.parametrize("domain", [0, 1, 44, 127, 255])
def test_whatever_the_domain_the_clock_is_found(domain: int) -> None:
    box = Box(Ptp4l(domain))
    box.wait(1.0)
    assert box.told == [PtpClock(GMID, domain, traceable=True, locked=True)]


def test_nobody_is_asked_for_ever_and_without_pause() -> None:
    box = Box(None)
    box.wait(PROBE_PAUSE_S * 10)
    assert box.clock is None
    assert 256 * 8 <= box.sent <= 256 * 10


def test_where_told_of_changes_it_subscribes_and_asks_seldom() -> None:
    box = Box(Ptp4l(), may_subscribe=True)
    box.wait(10 * NOTIFIED_BEAT_S)
    assert box.ptp4l
    subscribed = [message for message in box.ptp4l.heard if message.id == Id.SUBSCRIBE_EVENTS_NP]
    assert len(subscribed) == 11
    assert {message.action for message in box.ptp4l.heard} == {Action.GET, Action.SET}
    assert all(message.action == Action.GET for message in box.ptp4l.heard if message not in subscribed)


def test_where_it_may_only_read_it_asks_each_second_and_sets_nothing() -> None:
    box = Box(Ptp4l(), may_subscribe=False)
    box.wait(10 * ASKED_BEAT_S)
    assert box.ptp4l
    assert {message.action for message in box.ptp4l.heard} == {Action.GET}
    assert len([message for message in box.ptp4l.heard if message.id == Id.PORT_DATA_SET]) == 11


@pytest.mark.parametrize("state", [state for state in PortState if state is not PortState.SLAVE])
def test_only_a_slave_is_locked(state: PortState) -> None:
    box = Box(Ptp4l(ports={1: state}))
    assert box.clock
    assert box.clock == PtpClock(GMID, 127, traceable=True, locked=False)


def test_one_port_that_is_slave_is_enough() -> None:
    box = Box(Ptp4l(ports={1: PortState.PASSIVE, 2: PortState.SLAVE, 3: PortState.MASTER}))
    box.wait(2.0)
    assert box.clock
    assert box.clock.locked


@pytest.mark.parametrize("offset_ns", [-2_000_000.0, 5_000_000_000.0])
def test_a_slave_that_is_far_off_is_not_locked(offset_ns: float) -> None:
    box = Box(Ptp4l(offset_ns=offset_ns))
    assert box.clock
    assert not box.clock.locked
    assert box.follower.offset_ns == offset_ns


def test_who_is_grandmaster_is_its_own_reference() -> None:
    box = Box(Ptp4l(ports={1: PortState.MASTER}, grandmaster=OWN, traceable=False))
    assert box.clock == PtpClock("02-00-01-ff-fe-00-00-01", 127, traceable=False, locked=True)


def test_a_notification_is_believed_at_once() -> None:
    ptp4l = Ptp4l(ports={1: PortState.UNCALIBRATED})
    box = Box(ptp4l)
    box.wait(20.0)
    ptp4l.ports[1] = PortState.SLAVE
    box.receive(ptp4l.port_message())
    assert box.clock
    assert box.clock.locked


def test_after_a_notification_all_is_asked_again_soon() -> None:
    ptp4l = Ptp4l()
    box = Box(ptp4l)
    box.wait(21.0)
    ptp4l.grandmaster, ptp4l.ports[1] = OTHER, PortState.UNCALIBRATED
    box.receive(ptp4l.port_message())
    box.wait(2.5)
    assert box.clock == PtpClock("02-00-03-ff-fe-00-00-01", 127, traceable=True, locked=False)


def test_a_lost_master_is_still_named_while_nobody_else_gives_time() -> None:
    ptp4l = Ptp4l()
    box = Box(ptp4l)
    box.wait(30.0)
    ptp4l.grandmaster, ptp4l.ports[1] = OWN, PortState.LISTENING
    box.wait(30.0)
    assert box.told[-1] == PtpClock(GMID, 127, traceable=True, locked=False)
    assert len(box.told) == 2


def test_who_does_not_answer_any_more_is_gone() -> None:
    box = Box(Ptp4l())
    box.wait(20.0)
    ptp4l, box.ptp4l = box.ptp4l, None
    box.wait(5 * NOTIFIED_BEAT_S)
    assert box.clock is None
    box.ptp4l = ptp4l
    box.wait(10.0)
    assert box.clock == PtpClock(GMID, 127, traceable=True, locked=True)


def test_a_closed_socket_is_the_end_of_the_clock() -> None:
    box = Box(Ptp4l())
    box.wait(20.0)
    assert box.follower.closed(box.now)
    assert box.clock is None
    assert box.follower.due() is None


def test_a_restart_of_ptp4l_that_is_quick_enough_is_told_to_nobody() -> None:
    box = Box(Ptp4l())
    box.follower.closed(box.now + 0.1)
    box.follower.opened(box.now + 0.2, may_subscribe=True)
    box.exchange()
    box.wait(20.0)
    assert box.told == [PtpClock(GMID, 127, traceable=True, locked=True)]


def test_a_clock_that_flaps_for_ten_minutes_is_told_seldom() -> None:
    ptp4l = Ptp4l()
    box = Box(ptp4l)
    for turn in range(1200):
        ptp4l.ports[1] = PortState.SLAVE if turn % 2 else PortState.UNCALIBRATED
        box.receive(ptp4l.port_message())
        box.wait(0.5)
    assert len(box.told) < 20
    ptp4l.ports[1] = PortState.SLAVE
    box.wait(60.0 + NOTIFIED_BEAT_S)
    assert box.clock
    assert box.clock.locked


def test_what_is_for_others_or_no_answer_or_broken_changes_nothing() -> None:
    ptp4l = Ptp4l()
    box = Box(ptp4l)
    moved = PortDataSet(1, PortState.FAULTY).to_bytes()
    box.receive(ptp4l.message(Id.PORT_DATA_SET, moved, target=PortIdentity(bytes(8), 1)))
    box.receive(Ptp4l(domain=3).message(Id.PORT_DATA_SET, moved))
    box.receive(ptp4l.message(Id.PORT_DATA_SET, moved[:4]))
    box.receive(b"\0" * 60)
    box.receive(b"")
    refused = Management(127, PortIdentity(OWN, 0), US, 1, Action.RESPONSE, Id.PARENT_DATA_SET, error=6)
    box.receive(refused.to_bytes())
    box.receive(ptp4l.message(0x1234, b"??"))
    box.wait(20.0)
    assert len(box.told) == 1


def test_ports_without_end_are_not_kept() -> None:
    ptp4l = Ptp4l(ports=dict.fromkeys(range(1, 500), PortState.LISTENING))
    box = Box(ptp4l)
    box.wait(2.0)
    assert box.clock


def test_the_reference_for_streams() -> None:
    assert PtpClock(GMID, 5, traceable=False, locked=True).reference == (GMID, 5)
    assert PtpClock(GMID, 5, traceable=True, locked=True).reference == ("traceable", 5)
    assert PtpClock(GMID, 5, traceable=True, locked=False).reference is None
