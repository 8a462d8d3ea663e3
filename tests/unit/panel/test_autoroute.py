"""Auto-route: each state against each event, in virtual time."""

from dataclasses import replace
from itertools import product

import pytest

from appliance.config.panel import RouteConfig, RuleConfig
from appliance.panel.autoroute import MAX_FRESH, START_S, STEADY_S, AutoRoute, Refresh, Standing, Switch, matches
from appliance.panel.items import Fit, Named, Pending, ReceiverItem, SourceItem

NODE, INPUTS, BOX = Named("n", "Stage"), Named("d", "Inputs"), Named("b", "Box")
R = "receiver"


def source(label: str, **fields: object) -> SourceItem:
    known = {"id": label, "label": label, "device": INPUTS, "node": NODE, "format": "audio", "sending": True}
    return SourceItem(**{**known, **fields})  # type: ignore[arg-type]


class Stage:
    """A box with one receiver, sources, and time; what auto-route asks for is done at once, and written down."""

    def __init__(self, route: RouteConfig, *labels: str, shows: str | None = None, manual: bool = False) -> None:
        self.route = route
        self.sources = {label: source(label) for label in labels}
        self.versions = dict.fromkeys(labels, "1")
        self.unfit: set[str] = set()
        self.broken: set[str] = set()
        self.own: set[str] = set()
        self.item = ReceiverItem(R, "Speakers", BOX, enabled=shows is not None, sender_id=shows, shows=shows or "")
        self.standing = Standing(manual)
        self.now = 0.0
        self.rules = AutoRoute(self, self.now)
        self.done: list[tuple[float, str, str]] = []
        self.refreshed: list[str] = []
        self.is_doubted = False
        self.look()

    # ---- what it sees

    def receiver(self, id: str) -> ReceiverItem | None:
        shown = self.sources.get(self.item.sender_id or "")
        lost = self.item.lost_since if shown is None else shown.lost_since
        return replace(self.item, lost_since=lost if self.item.enabled else None)

    def source(self, id: str) -> SourceItem | None:
        return self.sources.get(id)

    def source_ids(self) -> list[str]:
        return sorted(self.sources)

    def fit(self, source_id: str, receiver_id: str) -> Fit:
        return Fit("no", "too many channels") if source_id in self.unfit else Fit("yes")

    def is_own(self, source: SourceItem) -> bool:
        return source.id in self.own

    def version(self, source_id: str) -> str | None:
        return self.versions.get(source_id)

    # ---- what happens

    def look(self) -> None:
        for _ in range(50):
            steps = [step for step in self.rules.look(R, self.route, self.standing, self.now) if step is not None]
            if not steps:
                return
            (step,) = steps
            if isinstance(step, Refresh):
                self.refreshed.append(step.source_id)
            elif step.source_id in self.broken:
                self.rules.failed(R, step.source_id, self.now)
            else:
                self.do(step)
        raise AssertionError(f"it never rests: {self.done[-5:]}")

    def do(self, step: Switch) -> None:
        self.done.append((self.now, step.source_id, step.why))
        self.standing = Standing(home=step.home)
        self.show(step.source_id)

    def show(self, id: str | None) -> None:
        label = self.sources[id].label if id else ""
        self.item = replace(self.item, enabled=id is not None, sender_id=id, shows=label, lost_since=None)

    def advance(self, seconds: float) -> None:
        end = self.now + seconds
        while (wake := self.rules.wake) is not None and wake <= end:
            self.now = max(self.now, wake)
            assert self.rules.due(self.now) == [R]
            self.look()
        self.now = end

    def change(self, label: str, item: SourceItem | None) -> None:
        """Put a source, or take it out of the menu."""
        if item is None:
            if self.item.sender_id == label:
                self.item = replace(self.item, lost_since=round(self.now * 1e9) + 1)
            del self.sources[label]
        else:
            self.sources[label] = item
            self.versions.setdefault(label, "1")
        if R in self.rules.changed({label}):
            self.look()
        elif self.is_doubted:
            self.rules.failed(R, "nobody", self.now)  # look at all of them, to be sure
            assert not any(self.rules.look(R, self.route, self.standing, self.now)), label

    def lose(self, label: str) -> None:
        self.change(label, replace(self.sources[label], lost_since=round(self.now * 1e9) + 1))

    def find(self, label: str) -> None:
        self.change(label, source(label))

    def choose(self, id: str | None) -> None:
        """By hand."""
        self.show(id)
        self.standing = Standing(manual=True)
        self.look()

    def release(self) -> None:
        self.standing = Standing()
        self.look()

    @property
    def shows(self) -> str | None:
        return self.item.sender_id if self.item.enabled else None


FIRST = RouteConfig("first", hold_s=10)
FOLLOW = RouteConfig("follow", hold_s=10, rules=(RuleConfig(label="A*"), RuleConfig(label="B*")))


def test_first_takes_the_first_that_fits() -> None:
    stage = Stage(FIRST, "C", "B", "A")
    assert stage.shows == "A"
    assert stage.done == [(0.0, "A", "A: the first that fits")]
    stage = Stage(FIRST)
    stage.find("B")
    assert stage.shows == "B"
    stage.find("A")
    stage.advance(100)
    assert stage.shows == "B", "what is there stays"


@pytest.mark.parametrize("why", ["lost", "unconfirmed", "silent", "unfit", "own", "broken"])
def test_what_is_not_taken_by_itself(why: str) -> None:
    stage = Stage(FIRST)
    fields: dict[str, dict[str, object]] = {
        "lost": {"lost_since": 1},
        "unconfirmed": {"confirmed": False},
        "silent": {"sending": False},
    }
    for name in ("unfit", "own", "broken"):
        if why == name:
            getattr(stage, name).add("A")
    stage.change("A", source("A", **fields.get(why, {})))
    stage.advance(100)
    assert stage.shows is None
    stage.find("B")
    assert stage.shows == "B"


def test_a_lost_source_is_replaced_after_the_hold_time_and_returned_to() -> None:
    stage = Stage(FIRST, "A", "B", "C")
    stage.advance(100)
    stage.lose("A")
    stage.advance(9.9)
    assert stage.shows == "A"
    stage.advance(0.2)
    assert stage.done[1:] == [(110.0, "B", "B: A was lost for 10 s")]
    stage.find("A")
    stage.advance(STEADY_S - 0.1)
    assert stage.shows == "B"
    stage.advance(0.2)
    assert stage.shows == "A"
    assert stage.done[-1][2] == "A is back: the first that fits"


def test_a_source_that_is_back_within_the_hold_time_was_never_gone() -> None:
    stage = Stage(FIRST, "A", "B")
    stage.advance(100)
    for _ in range(20):
        stage.lose("A")
        stage.advance(9)
        stage.find("A")
        stage.advance(1)
    assert [label for _, label, _ in stage.done] == ["A"]


def test_what_flaps_is_not_returned_to_before_it_is_steady() -> None:
    stage = Stage(FIRST, "A", "B")
    stage.advance(100)
    stage.lose("A")
    stage.advance(20)
    for _ in range(20):
        stage.find("A")
        stage.advance(STEADY_S / 2)
        stage.lose("A")
        stage.advance(1)
    assert stage.shows == "B"
    stage.find("A")
    stage.advance(STEADY_S)
    assert stage.shows == "A"


def test_a_source_that_vanishes_altogether_is_replaced_too() -> None:
    stage = Stage(FIRST, "A", "B")
    stage.advance(100)
    stage.change("A", None)
    stage.advance(10)
    assert stage.shows == "B"
    stage.find("A")
    stage.advance(STEADY_S)
    assert stage.shows == "A"


def test_without_back_it_stays() -> None:
    stage = Stage(replace(FIRST, back=False), "A", "B")
    stage.advance(100)
    stage.lose("A")
    stage.advance(10)
    stage.find("A")
    stage.advance(100)
    assert stage.shows == "B"


def test_follow_prefers_the_first_rule_that_is_there() -> None:
    stage = Stage(FOLLOW, "C", "B1", "B2")
    assert stage.done == [(0.0, "B1", "B1: rule 2")]
    stage.find("A1")
    stage.advance(STEADY_S - 0.1)
    assert stage.shows == "B1"
    stage.advance(0.1)
    assert stage.done[-1] == (STEADY_S, "A1", "A1 is there: rule 1")
    stage.find("A0")
    stage.advance(100)
    assert stage.shows == "A1", "of one rule none is better"
    stage.lose("A1")
    stage.advance(10)
    assert stage.shows == "A0"
    stage.find("A1")
    stage.advance(STEADY_S)
    assert stage.shows == "A1", "home is where it was"


def test_follow_takes_nothing_that_no_rule_names() -> None:
    stage = Stage(FOLLOW, "C", "D")
    stage.advance(100)
    assert stage.shows is None
    stage.find("B")
    stage.lose("B")
    stage.advance(100)
    assert stage.shows == "B", "rather a lost one than a wrong one"


def test_the_last_one_lost_is_replaced_as_soon_as_there_is_another() -> None:
    stage = Stage(FIRST, "A")
    stage.advance(100)
    stage.lose("A")
    stage.advance(50)
    stage.find("B")
    assert stage.shows == "B"


@pytest.mark.parametrize("route", [FIRST, FOLLOW, replace(FIRST, hold_s=0)])
@pytest.mark.parametrize("chosen", ["B", "C", None])
def test_a_manual_choice_wins_until_it_is_released(route: RouteConfig, chosen: str | None) -> None:
    stage = Stage(route, "A", "B", "C")
    stage.advance(100)
    stage.choose(chosen)
    if chosen is not None:
        stage.lose(chosen)
    stage.find("A2")
    stage.advance(1000)
    assert stage.shows == chosen
    stage.release()
    stage.advance(1000)
    assert stage.shows == "A"


def test_after_a_power_cut_what_was_shown_is_given_time_to_come_back() -> None:
    stage = Stage(replace(FIRST, hold_s=1), "B", shows=None)
    stage = Stage(replace(FIRST, hold_s=1), "A", "B", shows="A")
    del stage.sources["A"]
    stage.rules = AutoRoute(stage, stage.now)
    stage.look()
    stage.advance(START_S - 1)
    assert stage.shows == "A"
    stage.find("A")
    stage.advance(100)
    assert stage.shows == "A"
    del stage.sources["A"]
    stage.rules = AutoRoute(stage, stage.now)
    stage.look()
    stage.advance(START_S)
    assert stage.shows == "B"


@pytest.mark.parametrize("mode", ["keep", "never"])
def test_keep_and_never_choose_nothing(mode: str) -> None:
    stage = Stage(RouteConfig(mode, hold_s=0), "A", "B")  # type: ignore[arg-type]
    stage.advance(10)
    assert stage.shows is None
    stage.choose("A")
    stage.release()
    stage.lose("A")
    stage.advance(1000)
    assert stage.shows == "A"


@pytest.mark.parametrize(("mode", "times"), [("keep", 2), ("first", 2), ("follow", 2), ("never", 0)])
@pytest.mark.parametrize("manual", [False, True])
def test_a_source_with_a_new_version_is_looked_at_again(mode: str, times: int, manual: bool) -> None:
    route = RouteConfig(mode, rules=FOLLOW.rules)  # type: ignore[arg-type]
    stage = Stage(route, "A", shows="A", manual=manual)
    stage.advance(100)
    stage.versions["A"] = "2"
    if R in stage.rules.showing({"A"}):
        stage.look()
    assert stage.refreshed == ["A"] * times
    stage.advance(100)
    assert stage.refreshed == ["A"] * times


def test_a_source_whose_version_moves_all_the_time_is_looked_at_now_and_then() -> None:
    stage = Stage(RouteConfig("keep"), "A", shows="A")
    for version in range(1000):
        stage.versions["A"] = str(version)
        stage.look()
        stage.advance(0.1)
    assert 15 <= len(stage.refreshed) <= 22, "of 100 s"


def test_what_could_not_be_seen_is_looked_at_later() -> None:
    stage = Stage(RouteConfig("keep"), "A", shows="A")
    stage.rules.not_refreshed(R, stage.now)
    stage.advance(9)
    assert stage.refreshed == ["A"]
    stage.advance(2)
    assert stage.refreshed == ["A", "A"]


def test_what_cannot_be_taken_is_tried_again_less_and_less_often() -> None:
    stage = Stage(FIRST)
    stage.broken.add("A")
    stage.find("A")
    tried = []
    failed = stage.rules.failed

    def note(receiver_id: str, source_id: str, now: float) -> None:
        tried.append(now)
        failed(receiver_id, source_id, now)

    stage.rules.failed = note  # type: ignore[method-assign]
    stage.advance(2000)
    assert 8 <= len(tried) <= 12
    stage.broken.clear()
    stage.advance(400)
    assert stage.shows == "A"


def test_while_somebody_takes_it_waits() -> None:
    stage = Stage(FIRST)
    stage.item = replace(stage.item, pending=Pending("B", "B"))
    stage.find("A")
    stage.advance(100)
    assert stage.shows is None
    stage.item = replace(stage.item, pending=None)
    stage.look()
    assert stage.shows == "A"


def test_a_stream_without_a_known_sender_is_somebodys_wish() -> None:
    stage = Stage(FIRST, "A")
    stage.item = replace(stage.item, enabled=True, sender_id=None)
    stage.look()
    stage.advance(100)
    assert len(stage.done) == 1


def test_another_mode_is_another_question() -> None:
    stage = Stage(RouteConfig("never"), "A", "B")
    stage.route = FOLLOW
    stage.look()
    assert stage.shows == "A"
    stage.route = replace(FOLLOW, rules=(RuleConfig(label="B"),))
    stage.look()
    stage.advance(STEADY_S)
    assert stage.shows == "B"


def test_among_many_sources_it_looks_at_all_only_once() -> None:
    stage = Stage(FOLLOW, *(f"C{number}" for number in range(3000)))
    looked: list[str] = []
    look_up = stage.source

    def note(id: str) -> SourceItem | None:
        looked.append(id)
        return look_up(id)

    stage.source = note  # type: ignore[method-assign]
    stage.find("C9999")
    assert looked == ["C9999"]
    breaths = list(stage.rules.look(R, FOLLOW, Standing(), stage.now))
    assert breaths == []
    many = {f"A{number}": source(f"A{number}") for number in range(MAX_FRESH + 1)}
    stage.sources.update(many)
    stage.unfit.update(many)
    stage.rules.changed(many)
    breaths = list(stage.rules.look(R, FOLLOW, Standing(), stage.now))
    assert len(breaths) == (3001 + len(many)) // 25


def test_a_receiver_that_is_gone_is_forgotten() -> None:
    stage = Stage(FIRST, "A", "B")
    stage.advance(100)
    stage.lose("A")
    assert stage.rules.wake is not None
    stage.receiver = lambda id: None  # type: ignore[method-assign]
    stage.look()
    assert stage.rules.wake is None


@pytest.mark.parametrize(
    ("rule", "is_meant"),
    [
        (RuleConfig(label="Vocal mic"), True),
        (RuleConfig(label="vocal*"), True),
        (RuleConfig(label="vocal"), False),
        (RuleConfig(label="*MIC"), True),
        (RuleConfig(label="V?cal mic"), False),
        (RuleConfig(label="[V]ocal mic"), False),
        (RuleConfig(device="Inputs"), True),
        (RuleConfig(device="stage"), True),
        (RuleConfig(group="band"), True),
        (RuleConfig(tag="role=lead"), True),
        (RuleConfig(tag="lead"), True),
        (RuleConfig(tag="role"), False),
        (RuleConfig(format="audio"), True),
        (RuleConfig(format="video"), False),
        (RuleConfig(label="Vocal*", format="video"), False),
        (RuleConfig(label="Vocal*", device="Stage", group="Band", tag="*lead", format="audio"), True),
        (RuleConfig(label="*".join("a" * 60)), False),
    ],
)
def test_rules(rule: RuleConfig, is_meant: bool) -> None:
    assert matches(rule, source("Vocal mic", group="Band", tags=("role=lead", "colour=red"))) is is_meant
    assert not matches(RuleConfig(label="*".join("a" * 60) + "b"), source("a" * 100))


EVENTS = ("lose A", "find A", "lose B", "find B", "choose B", "off", "release", "wait 1", "wait 20", "new version")


@pytest.mark.parametrize("mode", ["keep", "follow", "first", "never"])
def test_whatever_happens_it_rests_and_keeps_its_word(mode: str) -> None:
    """Every four events in a row, from each mode."""
    for events in product(EVENTS, repeat=4):
        stage = Stage(RouteConfig(mode, rules=FOLLOW.rules), "A", "B", "C")  # type: ignore[arg-type]
        stage.is_doubted = True
        for event in events:
            chosen, before = stage.standing.manual, stage.shows
            word, _, name = event.partition(" ")
            if word in ("lose", "find"):
                getattr(stage, word)(name)
            elif word in ("choose", "off"):
                stage.choose(name or None)
            elif word == "wait":
                stage.advance(float(name))
            elif word == "release":
                stage.release()
            else:
                stage.versions["A"] += "+"
                stage.look()
            if (chosen or mode in ("keep", "never")) and word not in ("choose", "off", "release"):
                assert stage.shows == before, events
        for label in "AB":
            stage.find(label)
        if mode in ("follow", "first"):
            stage.release()
            stage.advance(100)
            assert stage.shows == "A" if mode == "follow" else stage.shows is not None, events


class House:
    """Hundreds of receivers, each showing what its own rule names; it counts who is looked at."""

    def __init__(self, receivers: int) -> None:
        self.items = {
            f"r{n}": ReceiverItem(f"r{n}", f"r{n}", BOX, enabled=True, sender_id=f"S{n}", shows=f"S{n}")
            for n in range(receivers)
        }
        self.routes = {
            f"r{n}": RouteConfig("follow", rules=(RuleConfig(label=f"S{n}"), RuleConfig(label="Spare*")))
            for n in range(receivers)
        }
        self.sources = {label: source(label) for label in (*(f"S{n}" for n in range(receivers)), "Spare")}
        self.seen: list[str] = []
        self.now = 0.0
        self.rules = AutoRoute(self, self.now)
        self.look(list(self.items))
        self.seen.clear()

    def look(self, ids: list[str]) -> None:
        for id in ids:
            assert not any(self.rules.look(id, self.routes[id], Standing(home=self.items[id].sender_id), self.now))

    def change(self, *labels: str) -> list[str]:
        concerned = self.rules.changed(labels)
        self.seen.clear()
        self.look(concerned)
        return sorted(concerned)

    def receiver(self, id: str) -> ReceiverItem | None:
        self.seen.append(id)
        return self.items.get(id)

    def source(self, id: str) -> SourceItem | None:
        self.seen.append(id)
        return self.sources.get(id)

    def source_ids(self) -> list[str]:
        return list(self.sources)

    def fit(self, source_id: str, receiver_id: str) -> Fit:
        self.seen.append(receiver_id)
        return Fit("yes")

    def is_own(self, source: SourceItem) -> bool:
        return False

    def version(self, source_id: str) -> str | None:
        return None


@pytest.mark.parametrize("receivers", [10, 400])
def test_a_change_of_one_source_costs_what_it_concerns(receivers: int) -> None:
    house = House(receivers)
    house.sources["Spare"] = replace(house.sources["Spare"], lost_since=1)
    assert house.change("Spare") == [], "nobody shows it, and all have something better"
    assert house.change("S7") == ["r7"]
    alone = len(house.seen)
    assert alone < 10
    house.sources["S7"] = replace(house.sources["S7"], lost_since=1)
    house.items["r7"] = replace(house.items["r7"], lost_since=1)
    assert house.change("S7") == ["r7"]
    del house.sources["Spare"]
    assert house.change("Spare") == [], "it is not there"
    house.now = 60.0
    house.look(["r7"])  # the hold time is over
    house.sources["Spare 2"] = source("Spare 2")
    house.seen.clear()
    assert house.rules.changed(["Spare 2"]) == ["r7"], "the only one that wants another"
    assert house.seen == ["Spare 2"]
