"""When mDNS is quiet, whom to try, and what makes an interface deaf."""

from appliance.discovery.hearing import MAX_TRIES, QUIET_S, Hearing

PEER, OTHER = "10.1.0.7", "10.1.0.8"
LATER = 100 + QUIET_S


def quiet() -> Hearing:
    hearing = Hearing()
    hearing.observe(("eth0", "eth1"), 100)
    return hearing


def test_nobody_is_tried_before_it_was_quiet_for_a_while() -> None:
    hearing = quiet()
    assert hearing.due(100) == LATER
    assert hearing.to_try({"eth0": [PEER]}, LATER - 0.1) == ()
    assert hearing.to_try({"eth0": [PEER]}, LATER) == (("eth0", PEER),)
    assert hearing.due(LATER) is None


def test_nobody_is_tried_where_somebody_was_heard() -> None:
    hearing = quiet()
    assert not hearing.heard("eth0")
    assert hearing.to_try({"eth0": [PEER], "eth1": [OTHER]}, LATER) == (("eth1", OTHER),)
    assert not hearing.unheard("eth0", PEER), "it spoke while it was tried"


def test_each_is_tried_once_and_not_many() -> None:
    hearing = quiet()
    many = [f"10.1.0.{n}" for n in range(1, 9)]
    assert [ip for _, ip in hearing.to_try({"eth0": [PEER, PEER]}, LATER)] == [PEER]
    assert len(hearing.to_try({"eth0": [PEER, *many]}, LATER)) == MAX_TRIES - 1
    assert hearing.to_try({"eth0": many}, LATER) == ()
    assert not hearing.curious("eth0")
    assert hearing.curious("eth1")


def test_one_that_answers_only_directly_makes_deaf_until_somebody_is_heard() -> None:
    hearing = quiet()
    assert hearing.unheard("eth0", PEER)
    assert not hearing.unheard("eth0", OTHER), "no news"
    (trap,) = hearing.traps()
    assert trap.startswith(f"eth0: mDNS does not come through: {PEER} answers when asked directly")
    assert hearing.to_try({"eth0": [OTHER]}, LATER) == ()
    assert hearing.heard("eth0")
    assert hearing.traps() == ()


def test_an_interface_that_went_is_no_more_deaf_and_begins_anew() -> None:
    hearing = quiet()
    hearing.unheard("eth0", PEER)
    hearing.heard("eth1")
    assert hearing.observe(("eth1",), 300)
    assert hearing.traps() == ()
    assert not hearing.observe(("eth0", "eth1"), 400)
    assert hearing.due(400) == 400 + QUIET_S
    assert hearing.has_heard("eth1")


def test_one_that_fell_silent_makes_for_another_test() -> None:
    hearing = quiet()
    hearing.heard("eth0")
    hearing.doubt("eth0", 500)
    hearing.doubt("eth9", 500)
    assert hearing.due(500) == 500 + QUIET_S
    assert hearing.to_try({"eth0": [PEER]}, 500 + QUIET_S) == (("eth0", PEER),)
