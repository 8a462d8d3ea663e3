"""The WebSocket server's side: each state of a client, and each event in it."""

import json
from typing import Any

import pytest

from appliance.core.tai import format_tai
from appliance.errors import NotFound
from appliance.nmos.is07 import broadcast
from appliance.nmos.is07.broadcast import Broadcaster, Client, TooManyClients
from appliance.nmos.is07.messages import Ending, State
from appliance.nmos.is07.types import Payload
from tests.support.specs import problems

DEVICE = "58f6b536-ca4c-43fd-880a-9df2501fc125"
OTHER_DEVICE = "68f6b536-ca4c-43fd-880a-9df2501fc125"
ONE = "6cbd0441-7882-44cd-9557-842243a0d618"
TWO = "ff455cf3-fb17-448b-8f4c-e6c0e294f5ed"
ELSEWHERE = "9f463872-9621-4939-aa3a-dc3c82d8578b"
TAI = 1_000 * 1_000_000_000


def state(source: str, value: bool) -> State:
    return State(source, "boolean", Payload(value), 5, ELSEWHERE)


class Room:
    """A server with two sources on one device and one on another, all with the value false."""

    def __init__(self) -> None:
        self.server = Broadcaster(frozenset({DEVICE, OTHER_DEVICE}), lambda id: id in (ONE, TWO, ELSEWHERE))
        for source, device in ((ONE, DEVICE), (TWO, DEVICE), (ELSEWHERE, OTHER_DEVICE)):
            self.server.offer(source, device)
            self.server.publish(state(source, False))

    def join(self, now: float = 0.0, device: str = DEVICE) -> Client:
        return self.server.join(device, now, lambda: None)

    def subscribe(self, client: Client, *sources: str) -> None:
        self.say(client, {"command": "subscription", "sources": list(sources)})

    def say(self, client: Client, body: Any, now: float = 0.0) -> None:
        self.server.hear(client, body if isinstance(body, str) else json.dumps(body), now, TAI)


def heard(client: Client) -> list[Any]:
    messages = []
    while (text := client.next()) is not None:
        messages.append(json.loads(text))
        assert not problems("is-07", "v1.0", "message", messages[-1])
    return messages


def values(client: Client) -> list[tuple[str, bool]]:
    return [(message["identity"]["source_id"], message["payload"]["value"]) for message in heard(client)]


def ended(client: Client) -> bool:
    return client.ending is not None


def test_nothing_is_said_before_a_subscription() -> None:
    room = Room()
    client = room.join()
    room.server.publish(state(ONE, True))
    assert heard(client) == []


def test_a_subscription_gives_all_states_at_once_and_then_every_event_in_order() -> None:
    room = Room()
    client = room.join()
    room.subscribe(client, TWO, ONE)
    assert values(client) == [(TWO, False), (ONE, False)]
    for value in (True, False, True):
        room.server.publish(state(ONE, value))
    assert values(client) == [(ONE, True), (ONE, False), (ONE, True)]


def test_a_subscription_replaces_the_one_before_and_gives_the_states_again() -> None:
    room = Room()
    client = room.join()
    room.subscribe(client, ONE)
    room.subscribe(client, TWO)
    room.server.publish(state(ONE, True))
    assert values(client) == [(ONE, False), (TWO, False)]
    room.subscribe(client, TWO)
    assert values(client) == [(TWO, False)]
    room.subscribe(client)
    room.server.publish(state(TWO, True))
    assert values(client) == []


def test_only_sources_of_the_device_and_only_while_they_are_offered() -> None:
    room = Room()
    client = room.join()
    room.server.withdraw(TWO)
    room.subscribe(client, ONE, TWO, ELSEWHERE, DEVICE)
    assert values(client) == [(ONE, False)]
    room.server.publish(state(ELSEWHERE, True))
    room.server.offer(TWO, DEVICE)
    room.server.publish(state(TWO, True))
    assert values(client) == [(TWO, True)], "its subscription counts when the sender becomes active"


def test_health_is_answered_and_keeps_the_connection() -> None:
    room = Room()
    client = room.join(now=0.0)
    room.say(client, {"command": "health", "timestamp": "999:07"}, now=11.9)
    (answer,) = heard(client)
    assert answer["timing"] == {"origin_timestamp": "999:07", "creation_timestamp": format_tai(TAI)}
    client.check(23.8)
    assert not ended(client)
    client.check(23.9)
    assert client.ending == (1008, "no health command for 12 s")


def test_the_answer_is_later_than_the_question_also_where_the_client_is_ahead() -> None:
    room = Room()
    client = room.join()
    room.say(client, {"command": "health", "timestamp": "2000:0"})
    assert heard(client)[0]["timing"]["creation_timestamp"] == "2000:1"


def test_a_subscription_is_no_sign_of_health() -> None:
    room = Room()
    client = room.join(now=0.0)
    room.subscribe(client, ONE)
    client.check(12.0)
    assert ended(client)


def test_what_is_no_command_is_not_answered_and_ends_it_in_time() -> None:
    room = Room()
    client = room.join()
    for text in ("", "{", '{"command": "shutdown"}', '{"command": "subscription", "sources": ["x"]}'):
        room.say(client, text)
    assert heard(client) == []
    assert not ended(client)
    for _ in range(broadcast.MAX_BAD):
        room.say(client, "[]")
    assert client.ending == (1008, "it is no JSON object")
    room.server.publish(state(ONE, True))


def test_a_flood_of_commands_ends_it() -> None:
    room = Room()
    client = room.join()
    for _ in range(broadcast.COMMANDS_AT_ONCE):
        room.subscribe(client, ONE)
    assert not ended(client)
    room.subscribe(client, ONE)
    assert ended(client)
    assert client.aborted


def test_who_does_not_read_is_dropped_and_others_hear_all() -> None:
    room = Room()
    slow, quick = room.join(), room.join()
    for client in (slow, quick):
        room.subscribe(client, ONE)
    for at in range(broadcast.MAX_QUEUE + 5):
        room.server.publish(state(ONE, at % 2 == 0))
        heard(quick)
    assert slow.aborted
    assert slow.next() is None
    assert not ended(quick)


def test_long_messages_fill_a_queue_sooner() -> None:
    room = Room()
    client = room.join()
    room.subscribe(client, ONE)
    for _ in range(broadcast.MAX_QUEUE_CHARACTERS // 4096 + 1):
        room.server.publish(State(ONE, "string", Payload("x" * 4096), 5))
    assert client.aborted


def test_the_end_of_the_box_is_heard_before_the_connection_ends() -> None:
    room = Room()
    client = room.join()
    room.subscribe(client, ONE)
    heard(client)
    room.server.publish(Ending("shutdown", ONE, 6))
    room.server.close()
    assert client.ending == (1001, "the box stops")
    assert [message["message_type"] for message in heard(client)] == ["shutdown"]


def test_there_is_an_end_to_devices_and_clients() -> None:
    room = Room()
    with pytest.raises(NotFound):
        room.join(device=ONE)
    clients = [room.join() for _ in range(broadcast.MAX_CLIENTS)]
    with pytest.raises(TooManyClients):
        room.join()
    room.server.leave(clients[0])
    room.join()
    assert room.server.clients == broadcast.MAX_CLIENTS


def test_who_left_is_forgotten() -> None:
    room = Room()
    client = room.join()
    room.subscribe(client, ONE)
    heard(client)
    room.server.leave(client)
    room.server.publish(state(ONE, True))
    assert heard(client) == []


def test_a_client_hears_only_what_its_token_is_for() -> None:
    room = Room()
    client = room.server.join(DEVICE, 0.0, lambda: None, lambda source: source == TWO)
    room.subscribe(client, ONE, TWO)
    assert client.sources == {TWO}
    room.server.publish(state(ONE, True))
    room.server.publish(state(TWO, True))
    assert [message["identity"]["source_id"] for message in heard(client)] == [TWO, TWO]
