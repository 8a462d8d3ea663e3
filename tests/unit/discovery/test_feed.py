"""Which feed is on, in virtual time: every state with every event, then whole stories."""

from collections.abc import Callable, Iterable

import pytest

from appliance.discovery.feed import (
    LINGER_S,
    RETURN_S,
    STEADY_S,
    SYNC_S,
    Action,
    Connect,
    Disconnect,
    FeedMachine,
    FeedState,
    Forget,
    Say,
    UseNetwork,
    UsePeers,
)
from appliance.discovery.registration.services import Candidate

A = Candidate("http://10.0.0.8:80", "v1.3", 0, "a._nmos-query._tcp.local.")
B = Candidate("http://10.0.0.9:80", "v1.3", 10, "b._nmos-query._tcp.local.")
PEERS, TRYING, NETWORK, RETURNING = FeedState


class Story:
    """The machine and its clock; `did` are its actions, but for what it says."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.machine = FeedMachine(lambda: 1.0)
        self.did: list[Action] = []
        self.attempt = 0
        self.said: list[str] = []

    @property
    def state(self) -> FeedState:
        return self.machine.state

    def tried(self) -> list[str]:
        return [action.candidate.name for action in self.did if isinstance(action, Connect)]

    def find(self, *candidates: Candidate, again: Iterable[str] = ()) -> None:
        self._do(self.machine.handle_candidates(self.now, candidates, frozenset(again)))

    def synced(self, attempt: int | None = None) -> None:
        self._do(self.machine.handle_synced(self.now, attempt or self.attempt))

    def lose(self, attempt: int | None = None, reason: str = "it hung up") -> None:
        self._do(self.machine.handle_lost(self.now, attempt or self.attempt, reason))

    def wait(self, seconds: float) -> None:
        end = self.now + seconds
        while (when := self.machine.get_timer()) is not None and when <= end:
            self.now = max(when, self.now)
            self._do(self.machine.handle_timer(self.now))
        self.now = end

    def take(self) -> list[Action]:
        did, self.did = self.did, []
        return did

    def _do(self, actions: list[Action]) -> None:
        self.said += [action.text for action in actions if isinstance(action, Say)]
        self.did += [action for action in actions if not isinstance(action, Say)]
        self.attempt = max([self.attempt, *(action.attempt for action in actions if isinstance(action, Connect))])


def peers() -> Story:
    return Story()


def trying() -> Story:
    story = peers()
    story.find(A)
    return story


def network() -> Story:
    story = trying()
    story.synced()
    story.wait(STEADY_S)
    return story


def returning() -> Story:
    """A feeds no more, and is being tried again."""
    story = network()
    story.lose()
    return story


def waiting() -> Story:
    """Every Query API failed: the peers feed until it is time to try again."""
    story = trying()
    story.lose()
    return story


def lingering() -> Story:
    """It went, the peers feed again, and what it told has not gone yet."""
    story = returning()
    story.lose()
    story.wait(RETURN_S)
    while story.state is not PEERS:
        story.lose()
    return story


SITUATIONS = (peers, trying, network, returning, waiting, lingering)
EVENTS: dict[str, Callable[[Story], None]] = {
    "none is announced": lambda story: story.find(),
    "another is announced": lambda story: story.find(A, B, again=[B.url]),
    "only another is announced": lambda story: story.find(B, again=[B.url]),
    "the same is announced again": lambda story: story.find(A, again=[A.url]),
    "synced": lambda story: story.synced(),
    "lost": lambda story: story.lose(),
    "an old attempt is synced": lambda story: story.synced(99),
    "an old attempt is lost": lambda story: story.lose(99),
    "time": lambda story: story.wait(60.0),
}

EXPECTED: dict[str, tuple[FeedState, ...]] = {
    #                               peers    trying   network    returning  waiting  lingering
    "none is announced":           (PEERS,   PEERS,   NETWORK,   RETURNING, PEERS,   PEERS),
    "another is announced":        (TRYING,  TRYING,  NETWORK,   RETURNING, TRYING,  TRYING),
    "only another is announced":   (TRYING,  TRYING,  NETWORK,   RETURNING, TRYING,  TRYING),
    "the same is announced again": (TRYING,  TRYING,  NETWORK,   RETURNING, TRYING,  TRYING),
    "synced":                      (PEERS,   NETWORK, NETWORK,   NETWORK,   PEERS,   PEERS),
    "lost":                        (PEERS,   PEERS,   RETURNING, RETURNING, PEERS,   PEERS),
    "an old attempt is synced":    (PEERS,   TRYING,  NETWORK,   RETURNING, PEERS,   PEERS),
    "an old attempt is lost":      (PEERS,   TRYING,  NETWORK,   RETURNING, PEERS,   PEERS),
}  # fmt: skip


@pytest.mark.parametrize("event", EXPECTED)
@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: situation.__name__)
def test_every_state_with_every_event(situation: Callable[[], Story], event: str) -> None:
    story = situation()
    EVENTS[event](story)
    assert story.state is EXPECTED[event][SITUATIONS.index(situation)]


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: situation.__name__)
@pytest.mark.parametrize("first", EVENTS)
@pytest.mark.parametrize("second", EVENTS)
def test_whatever_happens_the_world_has_exactly_one_feed(
    situation: Callable[[], Story], first: str, second: str
) -> None:
    story = situation()
    EVENTS[first](story)
    EVENTS[second](story)
    story.wait(3600)
    feeds = [isinstance(action, UseNetwork) for action in story.did if isinstance(action, UseNetwork | UsePeers)]
    fed_by_network = bool(feeds) and feeds[-1]
    assert fed_by_network == (story.state is NETWORK), "an hour later nobody waits for a return"
    assert (story.machine.candidate is not None) == fed_by_network
    connected = [action.attempt for action in story.did if isinstance(action, Connect)]
    assert len(set(connected)) == len(connected)


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: situation.__name__)
def test_a_timer_that_is_due_is_done_with(situation: Callable[[], Story]) -> None:
    story = situation()
    for _ in range(50):
        when = story.machine.get_timer()
        if when is None:
            break
        story.wait(max(0.0, when - story.now))
        after = story.machine.get_timer()
        assert after is None or after > when


# ---- stories


def test_the_peers_go_on_until_everything_was_told() -> None:
    story = trying()
    assert story.take() == [Connect(1, A)]
    story.wait(SYNC_S / 2)
    assert story.take() == []
    story.synced(1)
    assert story.take() == [UseNetwork(1)]
    assert story.machine.candidate is A
    assert story.said == ["the Query API a feeds the menu"]


def test_one_that_never_tells_everything_is_left_for_the_next() -> None:
    story = peers()
    story.find(A, B)
    story.take()
    story.wait(SYNC_S)
    assert story.take() == [Disconnect(1), Connect(2, B)]
    assert "did not tell everything" in story.machine.last_error


def test_one_that_restarts_is_waited_for_and_the_peers_are_left_alone() -> None:
    story = network()
    story.take()
    story.lose()
    assert story.take() == [Connect(2, A)]
    story.lose()
    story.wait(RETURN_S / 2)
    assert story.tried() == ["a"], "tried again a moment later"
    story.synced()
    assert story.take()[-1] == UseNetwork(story.attempt)
    story.wait(3600)
    assert not any(isinstance(action, UsePeers | Forget) for action in story.take())


def test_the_next_one_takes_over_before_the_one_that_failed() -> None:
    story = peers()
    story.find(A, B)
    story.synced()
    story.take()
    story.lose()
    assert story.take() == [Connect(2, B)]
    story.synced()
    assert story.machine.candidate is B


def test_one_that_feeds_for_moments_only_is_tried_less_and_less_and_the_peers_feed() -> None:
    story = trying()
    for _ in range(6):
        story.synced()
        story.wait(0.5)
        story.lose()
        story.wait(31)
    assert any(isinstance(action, UsePeers) for action in story.did)
    begun = story.now
    story.synced()
    story.take()
    story.lose()
    story.wait(10)
    assert story.now > begun
    assert story.take() == [UsePeers()], "and not tried again so soon"


def test_when_none_comes_back_the_peers_feed_and_what_was_told_lingers() -> None:
    story = network()
    story.find()
    story.take()
    story.lose()
    assert story.take() == []
    story.wait(RETURN_S)
    assert story.take() == [UsePeers()]
    assert story.state is PEERS
    story.wait(LINGER_S)
    assert story.take() == [Forget()]
    assert story.machine.get_timer() is None


def test_one_that_hangs_does_not_keep_the_peers_away() -> None:
    story = returning()
    story.take()
    story.wait(RETURN_S)
    assert story.take() == [UsePeers()]
    assert story.state is TRYING
    story.synced()
    assert story.take() == [UseNetwork(2)]
    story.wait(LINGER_S)
    assert story.take() == [], "what it told is not forgotten when it is back"


def test_failing_ones_are_tried_less_and_less() -> None:
    story = trying()
    times = []
    for _ in range(10):
        story.lose()
        before = story.now
        while story.state is PEERS:
            story.wait(0.5)
        times.append(story.now - before)
    assert times == sorted(times)
    assert times[0] <= 2
    assert times[-1] <= 31


def test_one_announced_anew_is_tried_at_once() -> None:
    story = waiting()
    for _ in range(8):
        story.wait(31)
        story.lose()
    story.take()
    story.find(A, again=[A.url])
    assert story.tried() == ["a"]


def test_one_withdrawn_while_it_is_tried_is_left() -> None:
    story = trying()
    story.take()
    story.find(B)
    assert story.take() == [Disconnect(1), Connect(2, B)]


def test_one_that_feeds_may_say_goodbye_and_feeds_on() -> None:
    story = network()
    story.take()
    story.find()
    story.find(B)
    assert story.take() == []
    story.lose()
    assert story.take() == [Connect(2, B)]
