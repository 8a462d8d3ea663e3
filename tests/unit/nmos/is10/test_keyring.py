"""Which server is asked for keys, and when."""

import pytest

from appliance.nmos.is10.documents import Metadata
from appliance.nmos.is10.keyring import (
    ASK_AGAIN_S,
    AT_ONCE,
    MAX_BACKOFF_S,
    MAX_OTHERS,
    REFRESH_S,
    SPREAD_S,
    Fetch,
    Key,
    KeyRing,
    Server,
)

A, B = "https://a.example:1/.well-known/x", "https://b.example:1/.well-known/x"
OTHER = "https://a.example:2"


def server(issuer: str = "https://a.example:1", *ids: str) -> Server:
    return Server(Metadata(issuer, f"{issuer}/k", f"{issuer}/t", f"{issuer}/r"), tuple(Key(id, id) for id in ids))


class Ring(KeyRing):
    def __init__(self, lot: float = 0.5) -> None:
        super().__init__(lambda: lot)

    def places(self, now: float, *places: str) -> list[Fetch]:
        return list(self.handle_places(now, places))

    def brings(self, now: float, fetch: Fetch, found: Server) -> list[Fetch]:
        return list(self.handle_server(now, fetch.serial, found))

    def fails(self, now: float, fetch: Fetch) -> list[Fetch]:
        return list(self.handle_failure(now, fetch.serial, "no"))


def started() -> Ring:
    ring = Ring()
    (fetch,) = ring.places(0, A)
    ring.brings(0, fetch, server("https://a.example:1", "k1"))
    return ring


def test_the_best_is_asked_and_then_once_an_hour() -> None:
    ring = Ring()
    (fetch,) = ring.places(0, A, B)
    assert fetch.url == A
    assert ring.get_timer() is None
    assert ring.brings(1, fetch, server()) == []
    assert ring.main == server()
    due = ring.get_timer()
    assert due == 1 + REFRESH_S + SPREAD_S / 2
    assert not list(ring.handle_timer(due - 1))
    (again,) = ring.handle_timer(due)
    assert again.url == A


def test_the_next_is_asked_where_one_fails_and_all_again_after_a_pause() -> None:
    ring = Ring()
    (first,) = ring.places(0, A, B)
    (second,) = ring.fails(0, first)
    assert second.url == B
    waits = []
    fetch, now = second, 0.0
    for _ in range(12):
        assert ring.fails(now, fetch) == []
        due = ring.get_timer()
        assert due is not None
        waits.append(due - now)
        now = due
        (fetch,) = ring.handle_timer(now)
        (fetch,) = ring.fails(now, fetch)
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (0.75, MAX_BACKOFF_S * 0.75)
    assert ring.last_error == "no"


def test_keys_stay_good_while_nobody_answers() -> None:
    ring = started()
    (fetch,) = ring.handle_timer(2 * REFRESH_S)
    ring.fails(2 * REFRESH_S, fetch)
    assert [key.id for key in ring.keys(1e6, "https://a.example:1", None)] == ["k1"]
    ring.places(2 * REFRESH_S)
    assert ring.keys(1e6, "https://a.example:1", None)


def test_what_is_announced_while_there_is_none_is_asked_at_once() -> None:
    ring = Ring()
    (fetch,) = ring.places(0, A)
    ring.fails(0, fetch)
    (at_once,) = ring.places(0.1, A, B)
    assert at_once.url == A
    assert ring.fails(0.2, fetch) == []  # late
    assert [one.url for one in ring.fails(0.2, at_once)] == [B]


def test_when_the_one_in_use_goes_another_is_asked() -> None:
    ring = started()
    assert ring.places(1, A, B) == []
    (fetch,) = ring.places(2, B)
    assert fetch.url == B
    ring.brings(2, fetch, server("https://b.example:1", "k2"))
    assert ring.issuers == ("https://b.example:1",)


def test_a_named_key_is_tried_first_and_the_others_too() -> None:
    ring = Ring()
    (fetch,) = ring.places(0, A)
    ring.brings(0, fetch, server("https://a.example:1", "x", "y", "z"))
    assert [key.id for key in ring.keys(0, "https://a.example:1", "y")] == ["y", "x", "z"]
    assert not ring.keys(0, "https://a.example:1/", None)


def test_while_no_server_answered_a_token_is_worth_to_wait() -> None:
    assert Ring().handle_missing(0, "https://anywhere.example") == (True, ())


def test_a_new_key_of_the_server_in_use() -> None:
    ring = started()
    wait, (fetch,) = ring.handle_missing(10, "https://a.example:1")
    assert wait
    assert fetch.url == "https://a.example:1/.well-known/oauth-authorization-server"
    assert ring.handle_missing(10, "https://a.example:1") == (True, ())
    ring.brings(11, fetch, server("https://a.example:1", "k1", "k2"))
    assert [key.id for key in ring.keys(11, "https://a.example:1", "k2")] == ["k2", "k1"]
    assert ring.handle_missing(12, "https://a.example:1") == (False, ())
    wait, more = ring.handle_missing(10 + ASK_AGAIN_S, "https://a.example:1")
    assert wait
    assert len(more) == 1


def test_another_issuer_at_a_known_host() -> None:
    ring = started()
    wait, (fetch,) = ring.handle_missing(10, OTHER)
    assert wait
    assert ring.fails(11, fetch) == []
    assert ring.handle_missing(12, OTHER) == (False, ())
    _, (fetch,) = ring.handle_missing(20, OTHER)
    ring.brings(21, fetch, server(OTHER, "o"))
    assert [key.id for key in ring.keys(21, OTHER, None)] == ["o"]
    assert not ring.keys(21 + REFRESH_S + SPREAD_S, OTHER, None)
    assert ring.issuers == ("https://a.example:1", OTHER)


def test_an_issuer_that_calls_itself_otherwise() -> None:
    ring = started()
    _, (fetch,) = ring.handle_missing(10, OTHER)
    ring.brings(11, fetch, server("https://a.example:1", "forged"))
    assert not ring.keys(11, OTHER, None)
    assert [key.id for key in ring.keys(11, "https://a.example:1", None)] == ["k1"]


@pytest.mark.parametrize(
    "issuer",
    [
        "https://c.example",
        "https://a.example.evil.example",
        "http://a.example:1",
        "x",
        "https://a.example@evil.example",
    ],
)
def test_strangers_are_never_asked(issuer: str) -> None:
    assert started().handle_missing(10, issuer) == (False, ())


def test_inventing_issuers_leads_to_little() -> None:
    ring = started()
    asked = [ring.handle_missing(10, f"https://a.example:{port}")[0] for port in range(2, 100)]
    assert asked.count(True) == AT_ONCE
    for step in range(10 * MAX_OTHERS):
        found = server(f"https://a.example/{step}", "k")
        for fetch in ring.handle_missing(20 + step, found.metadata.issuer)[1]:
            ring.brings(20 + step, fetch, found)
    assert len(ring.issuers) <= 1 + MAX_OTHERS
