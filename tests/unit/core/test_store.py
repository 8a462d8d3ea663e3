"""The store: what a commit changes, what it numbers, what it tells, and what it refuses."""

import pytest

from appliance.core.store import Change, Store, StoreError
from appliance.core.tai import parse_tai
from appliance.core.types import JSON, Kind
from tests.support.clock import FakeClock

NODE: JSON = {"id": "n", "label": "Node"}
DEVICE: JSON = {"id": "d", "node_id": "n", "label": "Device"}
SENDER: JSON = {"id": "s", "device_id": "d", "flow_id": None, "label": "Sender"}


def make_store(clock: FakeClock | None = None) -> tuple[Store, list[Change]]:
    store = Store(clock or FakeClock())
    with store.transaction("start") as tx:
        tx.put(Kind.NODE, NODE)
        tx.put(Kind.DEVICE, DEVICE)
        tx.put(Kind.SENDER, SENDER)
    store.reset_counters()
    changes: list[Change] = []
    store.subscribe(changes.append)
    return store, changes


def version_of(store: Store, kind: Kind, id: str) -> int:
    body = store.get(kind, id)
    assert body is not None
    return parse_tai(body["version"])


def test_a_commit_gives_what_changed_a_new_version_and_tells_it_once() -> None:
    store, changes = make_store()
    before = version_of(store, Kind.SENDER, "s")
    with store.transaction("rename") as tx:
        tx.update(Kind.SENDER, "s", label="New")
    assert version_of(store, Kind.SENDER, "s") > before
    [change] = changes
    assert change.cause == "rename"
    assert [(c.kind, c.id) for c in change.resources] == [(Kind.SENDER, "s")]
    assert change.resources[0].before is not None
    assert change.resources[0].before["label"] == "Sender"
    assert change.counters[Kind.SENDER] == 1
    assert change.counters[Kind.DEVICE] == 0


def test_a_write_that_changes_nothing_is_no_change() -> None:
    store, changes = make_store()
    with store.transaction("same") as tx:
        tx.put(Kind.SENDER, dict(SENDER))
        tx.attach("connection", "s", None)
    assert changes == []
    assert store.counters[Kind.SENDER] == 0


def test_a_touch_is_a_change_even_so() -> None:
    store, changes = make_store()
    before = version_of(store, Kind.SENDER, "s")
    with store.transaction("activation") as tx:
        tx.touch(Kind.SENDER, "s")
    assert version_of(store, Kind.SENDER, "s") > before
    assert changes[0].counters[Kind.SENDER] == 1


def test_versions_never_go_back_when_the_clock_does() -> None:
    clock = FakeClock()
    store, _ = make_store(clock)
    seen = [version_of(store, Kind.SENDER, "s")]
    clock.step_tai(-3600)
    for _ in range(3):
        with store.transaction("touch") as tx:
            tx.touch(Kind.SENDER, "s")
        seen.append(version_of(store, Kind.SENDER, "s"))
    assert seen == sorted(set(seen))


def test_two_resources_of_one_commit_do_not_share_a_version() -> None:
    store, _ = make_store()
    with store.transaction("both") as tx:
        tx.touch(Kind.SENDER, "s")
        tx.touch(Kind.DEVICE, "d")
    assert version_of(store, Kind.SENDER, "s") != version_of(store, Kind.DEVICE, "d")


def test_versions_go_on_after_a_restart_with_the_clock_at_1970() -> None:
    store, _ = make_store()
    kept = [(kind, body) for kind in Kind for body in store.all(kind).values()]
    after = Store(FakeClock(tai_ns=0))
    after.restore(kept, [])
    with after.transaction("touch") as tx:
        tx.touch(Kind.SENDER, "s")
    assert version_of(after, Kind.SENDER, "s") > max(parse_tai(body["version"]) for _, body in kept)


def test_a_counter_moves_once_a_commit_and_wraps_from_255_to_0() -> None:
    store, changes = make_store()
    for _ in range(256):
        with store.transaction("touch") as tx:
            tx.touch(Kind.SENDER, "s")
    counts = [change.counters[Kind.SENDER] for change in changes]
    assert counts == [*range(1, 256), 0]


def test_a_failed_block_leaves_nothing_behind() -> None:
    store, changes = make_store()

    def fail() -> None:
        with store.transaction("broken") as tx:
            tx.update(Kind.SENDER, "s", label="Never")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert store.all(Kind.SENDER)["s"]["label"] == "Sender"
    assert changes == []
    with store.transaction("next") as tx:
        tx.update(Kind.SENDER, "s", label="Then")
    assert len(changes) == 1


def test_a_reference_to_nothing_is_refused() -> None:
    store, changes = make_store()
    with pytest.raises(StoreError, match="device_id nowhere does not exist"), store.transaction("bad") as tx:
        tx.put(Kind.SENDER, {**SENDER, "id": "x", "device_id": "nowhere"})
    assert store.get(Kind.SENDER, "x") is None
    assert changes == []


def test_a_listener_that_commits_is_heard_after_the_current_change() -> None:
    store, changes = make_store()
    order: list[tuple[str, str]] = []

    def commits(change: Change) -> None:
        order.append(("first", change.cause))
        if change.cause == "outer":
            with store.transaction("inner") as tx:
                tx.touch(Kind.DEVICE, "d")

    store.subscribe(commits)
    store.subscribe(lambda change: order.append(("second", change.cause)))
    with store.transaction("outer") as tx:
        tx.touch(Kind.SENDER, "s")
    assert order == [("first", "outer"), ("second", "outer"), ("first", "inner"), ("second", "inner")]
    assert [change.serial for change in changes] == [changes[0].serial, changes[0].serial + 1]


def test_aspects_are_committed_with_resources() -> None:
    store, changes = make_store()
    with store.transaction("activation") as tx:
        tx.attach("connection", "s", {"staged": 1})
        tx.touch(Kind.SENDER, "s")
        assert tx.aspect("connection", "s") == {"staged": 1}
    assert store.aspect("connection", "s") == {"staged": 1}
    assert [(c.aspect, c.after) for c in changes[0].touches("connection")] == [("connection", {"staged": 1})]
    with store.transaction("gone") as tx:
        tx.attach("connection", "s", None)
    assert store.aspects("connection") == {}


def test_who_wants_to_be_the_first_is_told_before_all_others() -> None:
    store, _ = make_store()
    order: list[str] = []
    store.subscribe(lambda _: order.append("face"))
    end = store.subscribe(lambda _: order.append("media"), first=True)
    with store.transaction("rename") as tx:
        tx.update(Kind.SENDER, "s", label="New")
    assert order == ["media", "face"]
    end()
    with store.transaction("again") as tx:
        tx.update(Kind.SENDER, "s", label="Newer")
    assert order == ["media", "face", "face"]


def test_deleting_is_a_change_and_ends_a_subscription_to_hear_of_it() -> None:
    store, changes = make_store()
    heard: list[Change] = []
    end = store.subscribe(heard.append)
    with store.transaction("delete") as tx:
        tx.delete(Kind.SENDER, "s")
    assert changes[0].resources[0].after is None
    end()
    with store.transaction("touch") as tx:
        tx.touch(Kind.DEVICE, "d")
    assert len(heard) == 1


def test_one_transaction_at_a_time() -> None:
    store, _ = make_store()
    with store.transaction("outer"), pytest.raises(StoreError), store.transaction("inner"):
        pass
