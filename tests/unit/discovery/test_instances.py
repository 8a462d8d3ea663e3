"""From DNS-SD records to instances, in virtual time: there, silent, gone, and beginning anew."""

import pytest

from appliance.discovery.instances import DOUBT_S, Instances
from appliance.discovery.query import Query
from appliance.discovery.records import (
    NODE_TYPE,
    Address,
    Announced,
    Event,
    Evidence,
    Instance,
    Ptr,
    Question,
    Record,
    Silent,
    Srv,
    Txt,
    Withdrawn,
)

NAME = f"desk.{NODE_TYPE}"
SERVER = "desk.local."
DESK = Instance(NAME, SERVER, 80, ("10.0.0.2",), b"\x03a=1")


def packet(txt: bytes = DESK.txt, ip: str = "10.0.0.2", ttl: float = 120.0) -> list[Record]:
    return [
        Ptr(NODE_TYPE, 4500.0, NAME),
        Srv(NAME, ttl, SERVER, 80),
        Txt(NAME, 4500.0, txt),
        Address(SERVER, ttl, ip),
    ]


class Table:
    """The table under test with a clock; `events` are all so far, `asked` the questions with their times."""

    def __init__(self, max_instances: int = 1000) -> None:
        self.instances = Instances(NODE_TYPE, lambda: 0.0, max_instances)
        self.now = 0.0
        self.events: list[Event] = []
        self.asked: list[tuple[float, Question]] = []

    def hear(self, *records: Record) -> list[Event]:
        return self._take(self.instances.handle_records(self.now, records))

    def query(self, *names: str, known: tuple[str, ...] = (), probed: tuple[str, ...] = ()) -> None:
        self.instances.handle_query(self.now, Query(frozenset(names), frozenset(known), frozenset(probed)))

    def reconfirm(self) -> None:
        self._take(self.instances.reconfirm(self.now, NAME))

    def advance(self, seconds: float) -> list[Event]:
        end, before = self.now + seconds, len(self.events)
        while (when := self.instances.get_timer()) is not None and when <= end:
            self.now = max(when, self.now)
            self._take(self.instances.handle_timer(self.now))
        self.now = end
        return self.events[before:]

    def _take(self, step: tuple[list[Event], list[Question]]) -> list[Event]:
        self.events += step[0]
        self.asked += [(self.now, question) for question in step[1]]
        return step[0]


def known() -> Table:
    table = Table()
    assert table.hear(*packet()) == [Announced(DESK)]
    table.advance(20.0)
    table.events.clear()
    return table


def test_a_whole_packet_is_announced_at_once() -> None:
    table = Table()
    assert table.hear(*packet()) == [Announced(DESK, Evidence.CHANGE)]
    assert table.asked == []
    assert DESK.label == "desk"


def test_the_order_of_the_records_does_not_matter() -> None:
    table = Table()
    ptr, srv, txt, address = packet()
    assert table.hear(address, ptr, txt, srv) == [Announced(DESK)]


def test_what_is_missing_is_asked_for_and_again() -> None:
    table = Table()
    assert table.hear(Ptr(NODE_TYPE, 4500.0, NAME)) == []
    assert {question.rtype for _, question in table.asked} == {"SRV", "TXT"}
    table.hear(Srv(NAME, 120.0, SERVER, 80))
    assert Question(SERVER, "A") in [question for _, question in table.asked]
    assert table.hear(Txt(NAME, 4500.0, DESK.txt), Address(SERVER, 120.0, "10.0.0.2")) == [Announced(DESK)]


def test_what_never_comes_is_asked_for_a_few_times_only() -> None:
    table = Table()
    table.hear(Ptr(NODE_TYPE, 4500.0, NAME))
    table.advance(3600.0)
    assert len({when for when, _ in table.asked}) <= 6


def test_other_types_are_nothing_to_us() -> None:
    table = Table()
    other = "printer._ipp._tcp.local."
    assert table.hear(Ptr("_ipp._tcp.local.", 4500.0, other), Srv(other, 120.0, SERVER, 631)) == []
    assert table.hear(Ptr(NODE_TYPE, 4500.0, other)) == []
    assert table.instances.get_timer() is None


def test_a_new_txt_is_a_change_and_its_repetitions_are_not() -> None:
    table = known()
    changed = packet(b"\x03a=2")
    (event,) = table.hear(*changed)
    assert isinstance(event, Announced)
    assert (event.evidence, event.instance.txt) == (Evidence.CHANGE, b"\x03a=2")
    for pause in (0.225, 0.225):
        table.advance(pause)
        assert table.hear(*changed) == []


def test_the_habit_of_repeating_is_learnt() -> None:
    """RFC 6762 section 8.3: a second later, then after twice the time again."""
    table = known()
    for number, expected in enumerate((3, 0, 0)):
        assert table.hear(*packet(b"\x03b=%d" % number))
        again = []
        for pause in (1.0, 2.0, 4.0):
            table.advance(pause)
            again += table.hear(*packet(b"\x03b=%d" % number))
        assert len(again) == expected
        table.advance(20.0)


def test_a_txt_record_alone_is_enough() -> None:
    assert known().hear(Txt(NAME, 4500.0, b"\x03a=3"))


# ---- why somebody announces


def test_an_announcement_that_nobody_asked_for() -> None:
    table = known()
    assert table.hear(*packet()) == [Announced(DESK, Evidence.AGAIN)]


@pytest.mark.parametrize("name", [NODE_TYPE, NAME, NAME.upper(), SERVER])
def test_an_answer_is_no_announcement(name: str) -> None:
    table = known()
    table.query(name)
    table.advance(0.2)
    assert table.hear(*packet()) == []


def test_who_wants_the_answer_for_himself_explains_little() -> None:
    table = known()
    table.instances.handle_query(table.now, Query(frozenset({NODE_TYPE}), unicast=True))
    table.advance(0.1)
    assert table.hear(*packet()) == []
    table.advance(0.15)
    assert table.hear(*packet()) == [Announced(DESK, Evidence.AGAIN)]


def test_a_question_about_something_else_explains_nothing() -> None:
    table = known()
    table.query("_ipp._tcp.local.")
    assert table.hear(*packet())


def test_nobody_answers_with_what_the_asker_knows() -> None:
    table = known()
    table.query(NODE_TYPE, known=(NAME.lower(),))
    assert table.hear(*packet()) == [Announced(DESK, Evidence.AGAIN)]


def test_a_question_long_ago_explains_nothing() -> None:
    table = known()
    table.query(NODE_TYPE)
    table.advance(3.0)
    assert table.hear(*packet())


def test_one_question_explains_one_answer() -> None:
    table = known()
    table.query(NODE_TYPE)
    for pause in (0.02, 0.02, 0.1):  # over two interfaces, and once more
        table.advance(pause)
        assert table.hear(*packet()) == []
    table.advance(0.9)
    assert table.hear(*packet()) == [Announced(DESK, Evidence.AGAIN)]


def test_a_probe_tells_of_a_restart() -> None:
    table = known()
    table.query(NODE_TYPE, probed=(NAME.lower(),))
    table.advance(0.75)
    assert table.hear(*packet()) == [Announced(DESK, Evidence.RESTART)]
    table.advance(0.3)
    assert table.hear(*packet()) == []


def test_a_refreshing_answer_does_not_use_the_probe_up() -> None:
    table = known()
    table.query(NAME, probed=(NAME.lower(),))
    assert table.hear(Srv(NAME, 120.0, SERVER, 80), Address(SERVER, 120.0, "10.0.0.2")) == []
    assert table.hear(*packet()) == [Announced(DESK, Evidence.RESTART)]


# ---- silence


def test_it_is_asked_before_it_falls_silent() -> None:
    table = Table()
    table.hear(*packet())
    table.advance(119.0)
    assert [round(when) for when, question in table.asked if question.rtype == "SRV"] == [96, 102, 108, 114]
    assert {question for _, question in table.asked} == {Question(NAME, "SRV"), Question(SERVER, "A")}
    assert table.advance(2.0) == [Silent(NAME)]


def test_who_answers_lives_on_in_silence() -> None:
    table = Table()
    table.hear(*packet())
    for _ in range(100):
        table.advance(95.0)
        table.query(NAME)
        assert table.hear(Srv(NAME, 120.0, SERVER, 80), Address(SERVER, 120.0, "10.0.0.2")) == []
        table.query(NODE_TYPE)
        table.hear(Ptr(NODE_TYPE, 4500.0, NAME))
    assert table.events == [Announced(DESK)]


def test_an_answer_to_somebody_else_refreshes_too() -> None:
    table = Table()
    table.hear(*packet())
    table.advance(60.0)
    table.query(NAME)
    table.hear(Srv(NAME, 120.0, SERVER, 80), Address(SERVER, 120.0, "10.0.0.2"))
    table.advance(90.0)
    assert table.asked == []


def test_silence_at_the_end_of_two_minutes_whatever_the_record_says() -> None:
    table = Table()
    table.hear(*packet(ttl=86400.0))
    assert table.advance(121.0) == [Silent(NAME)]


def test_the_return_of_a_silent_one() -> None:
    table = Table()
    table.hear(*packet())
    table.advance(200.0)
    assert table.hear(*packet()) == [Announced(DESK, Evidence.RETURN)]


def test_reconfirmation_unanswered() -> None:
    table = known()
    table.reconfirm()
    assert [question.rtype for _, question in table.asked] == ["SRV", "A"]
    assert table.advance(7.0) == []
    assert len([question for _, question in table.asked if question.rtype == "SRV"]) == 3
    assert table.advance(2.0) == [Silent(NAME)]


def test_reconfirmation_answered() -> None:
    table = known()
    table.reconfirm()
    table.query(NAME)
    table.hear(Srv(NAME, 120.0, SERVER, 80), Address(SERVER, 120.0, "10.0.0.2"))
    assert table.advance(60.0) == []


def test_reconfirming_what_is_unknown() -> None:
    table = Table()
    table.reconfirm()
    assert table.asked == []


def test_all_are_silent_without_a_network() -> None:
    table = known()
    events, _ = table.instances.handle_network_lost(table.now)
    assert events == [Silent(NAME)]


# ---- leaving


def goodbye() -> list[Record]:
    return [Ptr(NODE_TYPE, 0.0, NAME), Srv(NAME, 0.0, SERVER, 80), Txt(NAME, 0.0, DESK.txt)]


def test_a_goodbye_is_believed_after_a_moment() -> None:
    table = known()
    assert table.hear(*goodbye()) == []
    assert table.advance(1.0) == []
    assert table.advance(1.0) == [Withdrawn(NAME)]
    assert table.instances.get_timer() is None


def test_who_says_goodbye_with_its_addresses_did_not_fall_silent() -> None:
    table = known()
    table.hear(*goodbye(), Address(SERVER, 0.0, "10.0.0.2"))
    assert table.advance(3.0) == [Withdrawn(NAME)]
    assert table.instances.get_timer() is None


def test_who_comes_back_without_an_address_is_silent() -> None:
    table = known()
    table.hear(*goodbye(), Address(SERVER, 0.0, "10.0.0.2"))
    table.hear(Ptr(NODE_TYPE, 4500.0, NAME))
    assert table.advance(3.0) == [Silent(NAME)]


@pytest.mark.parametrize("pause", [0.0, 0.05, 1.0])
def test_a_flicker_drops_nothing(pause: float) -> None:
    table = known()
    table.hear(*goodbye())
    table.advance(pause)
    assert table.hear(*packet()) == [Announced(DESK, Evidence.AGAIN)]
    assert table.advance(10.0) == []


def test_a_flicker_with_another_txt_is_a_change() -> None:
    table = known()
    table.hear(*goodbye())
    (event,) = table.hear(*packet(b"\x03a=2"))
    assert isinstance(event, Announced)
    assert event.evidence is Evidence.CHANGE


def test_who_said_goodbye_and_comes_back_later_is_new() -> None:
    table = known()
    table.hear(*goodbye())
    table.advance(5.0)
    assert table.hear(*packet()) == [Announced(DESK, Evidence.CHANGE)]


def test_the_end_of_the_ptr_record() -> None:
    table = Table()
    table.hear(*packet())
    events = table.advance(4600.0)
    assert events == [Silent(NAME), Withdrawn(NAME)]


# ---- addresses


def test_another_address_replaces_the_old_one_after_a_second() -> None:
    table = known()
    (event,) = table.hear(*packet(ip="10.0.0.3"))
    assert isinstance(event, Announced)
    assert event.instance.addresses == ("10.0.0.2", "10.0.0.3")
    table.advance(1.1)
    table.query(NAME)
    (event,) = table.hear(Srv(NAME, 120.0, SERVER, 80))
    assert isinstance(event, Announced)
    assert event.instance.addresses == ("10.0.0.3",)


def test_all_families_and_their_order() -> None:
    table = Table()
    ptr, srv, txt, v4 = packet()
    (event,) = table.hear(ptr, srv, txt, Address(SERVER, 120.0, "fe80::2%3"), Address(SERVER, 120.0, "fd00::2"), v4)
    assert isinstance(event, Announced)
    assert event.instance.addresses == ("10.0.0.2", "fd00::2", "fe80::2%3")


def test_a_goodbye_of_an_address() -> None:
    table = known()
    table.hear(Address(SERVER, 0.0, "10.0.0.2"))
    assert table.advance(1.5) == [Silent(NAME)]


# ---- goodbyes that somebody else said


@pytest.mark.parametrize("said", [goodbye(), [Address(SERVER, 0.0, "10.0.0.2")]], ids=["service", "address"])
def test_whoever_is_said_to_have_left_is_asked_and_stays_if_it_answers(said: list[Record]) -> None:
    table = known()
    table.asked.clear()
    table.hear(*said)
    assert table.advance(DOUBT_S) == []
    assert [question for _, question in table.asked] == [Question(NAME, "SRV"), Question(SERVER, "A")]
    table.hear(Srv(NAME, 120.0, SERVER, 80), Address(SERVER, 120.0, "10.0.0.2"))
    table.asked.clear()
    assert not {Silent(NAME), Withdrawn(NAME)} & set(table.advance(60.0))
    assert table.asked == []


def test_one_question_about_a_goodbye_is_enough_whoever_asks_it() -> None:
    table = known()
    table.asked.clear()
    table.hear(*goodbye())
    table.query(NAME)
    assert table.advance(10.0) == [Withdrawn(NAME)]
    assert table.asked == []


def test_goodbyes_without_end_cost_a_question_a_time_only() -> None:
    table = known()
    table.asked.clear()
    for _ in range(100):
        table.hear(*goodbye(), Address(SERVER, 0.0, "10.0.0.2"))
    table.advance(DOUBT_S)
    assert len(table.asked) == 2


# ---- strangers


def test_limits() -> None:
    table = Table(max_instances=2)
    for name in ("a", "b", "c"):
        table.hear(Ptr(NODE_TYPE, 4500.0, f"{name}.{NODE_TYPE}"))
    assert table.instances.refused == 1
    many = [Address(SERVER, 120.0, f"10.0.1.{number}", flush=False) for number in range(100)]
    (event,) = Table().hear(*packet(), *many)
    assert isinstance(event, Announced)
    assert len(event.instance.addresses) == 16


@pytest.mark.parametrize("record", [Srv(NAME, 120.0, SERVER, 0), Srv(NAME, 120.0, "x" * 300, 80)])
def test_nonsense_is_not_taken(record: Record) -> None:
    table = Table()
    ptr, _, txt, address = packet()
    assert table.hear(ptr, record, txt, address) == []


def test_short_lives_do_not_make_storms() -> None:
    table = Table()
    table.hear(*packet(ttl=1.0))
    table.advance(9.0)
    assert len({when for when, _ in table.asked}) <= 4


def test_names_are_compared_without_case() -> None:
    table = known()
    upper: list[Record] = [Srv(NAME.upper(), 120.0, SERVER.upper(), 80), Txt(NAME.upper(), 4500.0, b"\x03a=9")]
    (event,) = table.hear(*upper)
    assert isinstance(event, Announced)
    assert event.instance.txt == b"\x03a=9"
