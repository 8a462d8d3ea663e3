"""Every resource of everybody: what is shown, in which order, and who hears of it."""

from collections.abc import Mapping, Sequence

import pytest

from appliance.core.types import JSON, Kind
from appliance.discovery.catalogue import SLICE, Catalogue, Turn

SENDER = Kind.SENDER


class Ear:
    """A catalogue, its clock, and what its listeners heard: (id, label before, label after)."""

    def __init__(self) -> None:
        self.now = 0
        self.catalogue = Catalogue(lambda: self.now)
        self.heard: list[tuple[str, str | None, str | None]] = []
        self.catalogue.subscribe(self._hear)

    def replace(self, owner: str, table: Mapping[str, JSON], api_version: str = "v1.3") -> None:
        for _ in self.catalogue.replacing(owner, SENDER, table, api_version):
            pass

    def drop(self, owner: str) -> None:
        for _ in self.catalogue.dropping(owner):
            pass

    def labels(self) -> list[str]:
        return [resource.body["label"] for resource in self.catalogue.all(SENDER).values()]

    def _hear(self, turns: Sequence[Turn]) -> None:
        for turn in turns:
            before, after = (r.body["label"] if r else None for r in (turn.before, turn.after))
            self.heard.append((turn.id, before, after))


@pytest.fixture
def ear() -> Ear:
    return Ear()


def sender(id: str, label: str = "") -> JSON:
    return {"id": id, "label": label or id}


def table(*senders: JSON) -> dict[str, JSON]:
    return {sender["id"]: sender for sender in senders}


def test_what_changes_goes_to_the_end_and_keeps_its_creation_time(ear: Ear) -> None:
    a, b = sender("a"), sender("b")
    ear.replace("desk", table(a, b))
    created = ear.catalogue.all(SENDER)["a"].created
    ear.replace("desk", table(sender("a", "A"), b))
    assert ear.labels() == ["b", "A"]
    resource = ear.catalogue.get(SENDER, "a")
    assert resource is not None
    assert resource.created == created < ear.catalogue.all(SENDER)["b"].updated < resource.updated
    assert ear.heard == [("a", None, "a"), ("b", None, "b"), ("a", "a", "A")]


def test_the_same_again_is_no_change(ear: Ear) -> None:
    a = sender("a")
    ear.replace("desk", table(a))
    ear.replace("desk", table(a))
    assert ear.heard == [("a", None, "a")]


def test_times_never_repeat_nor_go_back(ear: Ear) -> None:
    ear.now = 1000
    ear.replace("desk", table(sender("a"), sender("b")))
    ear.now = 10
    ear.replace("mixer", table(sender("c")))
    assert [resource.updated for resource in ear.catalogue.all(SENDER).values()] == [1000, 1001, 1002]
    assert ear.catalogue.newest == 1002


def test_another_version_of_the_same_is_a_change(ear: Ear) -> None:
    a = sender("a")
    ear.replace("desk", table(a), "v1.2")
    ear.replace("desk", table(a), "v1.3")
    assert ear.catalogue.all(SENDER)["a"].api_version == "v1.3"
    assert len(ear.heard) == 2


def test_what_one_loses_another_who_claims_it_still_has(ear: Ear) -> None:
    ear.replace("desk", table(sender("a", "of desk")))
    ear.replace("copy", table(sender("a", "of copy")))
    assert ear.labels() == ["of desk"]
    ear.drop("desk")
    assert ear.labels() == ["of copy"]
    ear.drop("copy")
    assert ear.labels() == []
    assert [after for _, _, after in ear.heard] == ["of desk", "of copy", None]


def test_who_lets_go_of_what_is_shown_of_another_changes_nothing(ear: Ear) -> None:
    ear.replace("desk", table(sender("a", "of desk")))
    ear.replace("copy", table(sender("a", "of copy")))
    ear.drop("copy")
    ear.drop("desk")
    assert ear.labels() == []


def test_many_are_written_in_slices(ear: Ear) -> None:
    many = table(*(sender(str(number)) for number in range(3 * SLICE)))
    work = ear.catalogue.replacing("desk", SENDER, many, "v1.3")
    next(work)
    assert len(ear.labels()) == len(ear.heard) == SLICE
    assert len(list(work)) == 2
    assert len(ear.labels()) == 3 * SLICE
    assert len(list(ear.catalogue.dropping("desk"))) == 3
    assert ear.labels() == []


def test_a_later_writing_overtakes_one_that_was_given_up(ear: Ear) -> None:
    given_up = ear.catalogue.replacing("desk", SENDER, table(*(sender(str(n)) for n in range(2 * SLICE))), "v1.3")
    next(given_up)
    ear.replace("desk", table(sender("a")))
    assert ear.labels() == ["a"]
    ear.drop("desk")
    assert ear.labels() == []


def test_a_table_that_is_followed_is_read_where_it_is_touched(ear: Ear) -> None:
    own = table(sender("a"), sender("b"))
    ear.catalogue.follow("self", SENDER, own, "v1.3")
    own["a"] = sender("a", "A")
    del own["b"]
    assert ear.labels() == ["a", "b"]
    ear.catalogue.touch("self", SENDER, ("a", "b"))
    assert ear.labels() == ["A"]


def test_who_listens_no_more_hears_nothing() -> None:
    catalogue = Catalogue(lambda: 0)
    heard: list[Sequence[Turn]] = []
    end = catalogue.subscribe(heard.append)
    end()
    catalogue.follow("self", SENDER, table(sender("a")), "v1.3")
    assert heard == []
