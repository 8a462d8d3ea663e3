"""Whatever names, ids and addresses others come with, and however many: what is kept of them stays bounded.

Each table is fed until it must be full, and as much again: it may not hold more after that. The feeds are the inputs
that a network has; that old entries are let go of for new ones, or new ones refused, is in the tests of each part.
"""

import uuid
from collections.abc import Callable

import pytest

from appliance.config.panel import RouteConfig
from appliance.core.store import Store
from appliance.core.types import Kind
from appliance.discovery.brokers import Brokers
from appliance.discovery.catalogue import Catalogue
from appliance.discovery.hearing import Hearing
from appliance.discovery.instances import Instances
from appliance.discovery.limits import Limits
from appliance.discovery.manifests import ManifestCache
from appliance.discovery.query import Query
from appliance.discovery.records import NODE_TYPE, Address, Announced, Instance, Ptr, Silent, Srv, Txt, Withdrawn
from appliance.discovery.registration.choice import Choice
from appliance.discovery.registration.outbox import Outbox
from appliance.discovery.registration.services import REGISTER_TYPE, Candidate, Services
from appliance.discovery.service_table import Lots, ServiceTable
from appliance.discovery.txt import pack
from appliance.discovery.world import SenderEntry
from appliance.errors import ApplianceError
from appliance.network.live import RememberedRoutes
from appliance.network.model import NetworkState
from appliance.network.queriers import Queriers
from appliance.nmos.is07.broadcast import Broadcaster
from appliance.nmos.is10.servers import AuthServers
from appliance.nmos.query.subscriptions import Subscriptions
from appliance.panel.attempts import Attempts
from appliance.panel.autoroute import AutoRoute
from appliance.web.messages import Answer
from appliance.web.quick import QuickReads
from appliance.web.ready import ReadyAnswers
from tests.support.clock import FakeClock
from tests.support.footprint import footprint
from tests.unit.discovery.room import Room
from tests.unit.panel.test_autoroute import Stage

Feed = Callable[[int], object]
"""Takes in what the so-manyth stranger comes with."""
Fed = tuple[object, Feed]


def txt(api_proto: str = "http", api_ver: str = "v1.3") -> bytes:
    return pack({"api_proto": api_proto, "api_ver": api_ver, "api_auth": "false", "pri": "10"})


def address(number: int) -> str:
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def instance(number: int, txt: bytes) -> Instance:
    return Instance(f"name {number}.{REGISTER_TYPE}", f"host{number}.local.", 80, (address(number),), txt)


def instances() -> Fed:
    table = Instances(NODE_TYPE, lambda: 0.5, 100)

    def feed(number: int) -> None:
        now, name, host = number * 0.01, f"n{number}.{NODE_TYPE}", f"h{number}.local."
        query = Query(frozenset((name, host, NODE_TYPE)), probed=frozenset((name,)))
        table.handle_query(now, query)
        table.handle_records(
            now,
            [
                Ptr(NODE_TYPE, 1e9, name), Srv(name, 1e9, host, 80), Txt(name, 1e9, txt()),
                *(Address(f"h{number % 50}.local.", 1e9, address(number + more), False) for more in range(3)),
                Srv(f"n1.{NODE_TYPE}", 1e9, host, 80), Address(host, 1e9, address(number), False),
            ],
        )  # fmt: skip
        if number % 3 == 0:
            table.handle_records(now, [Ptr(NODE_TYPE, 0, name)])
        if number % 100 == 0:
            table.handle_timer(now)

    return table, feed


def peers() -> Fed:
    room = Room(limits=Limits(peers=20))

    def feed(number: int) -> None:
        peer = room.peer(f"peer{number}", address(number), senders=1)
        peer.announce()
        if number % 2:
            room.answer_all()
        elif room.fetches:
            room.fail(room.fetches[0])
        room.advance(0.5)
        if number % 3:
            peer.withdraw()

    return (room.cache, room.world), feed


def services(make: Callable[[], ServiceTable], txt: bytes) -> Callable[[], Fed]:
    def made() -> Fed:
        table = make()

        def feed(number: int) -> None:
            new = instance(number, txt)
            for event in (Announced(new), Silent(new.name), *((Withdrawn(new.name),) if number % 2 else ())):
                table.handle_event(event)

        return table, feed

    return made


def lots() -> Fed:
    drawn = Lots(lambda: 0.5, 1_000)
    return drawn, lambda number: drawn.of(f"http://{address(number)}:80")


def choice() -> Fed:
    chosen = Choice(lambda: 0.5)

    def feed(number: int) -> None:
        chosen.handle_candidates([Candidate(f"http://{address(number)}:80", "v1.3")], (), None)
        candidate = chosen.next(float(number))
        if candidate is not None:
            chosen.fails(candidate, float(number))
            chosen.refuses(candidate)

    return chosen, feed


def outbox() -> Fed:
    box = Outbox()

    def feed(number: int) -> None:
        box.complain(float(number), Candidate(f"http://{address(number)}:80", "v1.3"), f"it says {number}")
        box.drain()

    return box, feed


def manifests() -> Fed:
    cache = ManifestCache()

    def feed(number: int) -> None:
        sender = {"id": str(number), "version": f"{number}:0", "manifest_href": f"http://{address(number)}/x.sdp"}
        entry = SenderEntry(peer="p", sender=sender, flow=None, source=None, device=None, node=None)
        group = f"239.{address(number)[3:]}"
        cache.put(entry, f"v=0\no=- 1 1 IN IP4 10.0.0.1\ns=x\nc=IN IP4 {group}/32\nt=0 0\nm=audio 5004 RTP/AVP 96\n")

    return cache, feed


def catalogue() -> Fed:
    table = Catalogue(lambda: 0)
    bodies = [{"id": "same", "label": str(number)} for number in range(3)]

    def feed(number: int) -> None:
        own = {str(number): {"id": str(number), "label": "x"}, "same": bodies[number % 3]}
        for _ in table.replacing(f"owner {number}", Kind.SENDER, own, "v1.3"):
            pass
        if number >= 5:
            for _ in table.dropping(f"owner {number - 5}"):
                pass

    return table, feed


def subscriptions() -> Fed:
    ids = (str(uuid.UUID(int=number)) for number in range(10**6))
    table = Subscriptions(Catalogue(lambda: 0), "source", lambda: next(ids), lambda: 0)

    def feed(number: int) -> None:
        body = {
            "max_update_rate_ms": 100, "persist": number % 5 == 0, "resource_path": "/senders",
            "params": {"label": str(number)},
        }  # fmt: skip
        try:
            subscription, _ = table.create(number * 0.1, "v1.3", body)
            table.follow("v1.3", subscription.id, lambda: None)
        except ApplianceError:
            pass

    return table, feed


def events() -> Fed:
    server = Broadcaster(frozenset(("device",)), lambda id: id == "known")
    client = server.join("device", 0.0, lambda: None)

    def feed(number: int) -> None:
        names = ", ".join(f'"{uuid.UUID(int=number * 10 + one, version=4)}"' for one in range(10))
        server.hear(client, f'{{"command": "subscription", "sources": [{names}]}}', float(number), 0)

    return server, feed


def attempts() -> Fed:
    table = Attempts()

    def feed(number: int) -> None:
        table.begin(address(number), number * 0.001)
        table.begin(f"fd00:{number >> 16:x}:{number & 0xFFFF:x}::1", number * 0.001)

    return table, feed


def quick() -> Fed:
    table = QuickReads(ReadyAnswers())
    return table, lambda number: table.learn(b"GET / HTTP/1.1\r\nA: %d\r\n\r\n" % number, {"A": str(number)})


def ready() -> Fed:
    table = ReadyAnswers()
    answer = Answer({}, depends=(("sender", "a"), ("connection", "a")))
    return table, lambda number: table.keep(f"/x-nmos/{number}", answer, b"{}")


class NoRoutes:
    def lookup(self, destination: str, *, interface: str | None = None) -> None:
        return None


def routes() -> Fed:
    table = RememberedRoutes(NoRoutes(), NetworkState())
    return table, lambda number: table.lookup(address(number), interface=f"eth{number % 7}")


def queriers() -> Fed:
    table = Queriers()
    return table, lambda number: table.heard(f"eth{number}", 4, float(number))


def hearing() -> Fed:
    table = Hearing()
    table.observe(["eth0"], 0.0)

    def feed(number: int) -> None:
        table.to_try({"eth0": [address(number)]}, 100.0 + number)
        table.unheard("eth0", address(number))

    return table, feed


def autoroute() -> Fed:
    rules = AutoRoute(Stage(RouteConfig()), 0.0)
    return rules, lambda number: rules.failed("receiver", f"sender {number}", float(number))


TABLES: dict[str, tuple[Callable[[], Fed], int]] = {
    "mDNS instances, hosts and questions": (instances, 5_500),
    "peers and the world": (peers, 60),
    "registries": (services(lambda: Services(("v1.3",), lambda: 0.5), txt()), 1_000),
    "brokers": (services(Brokers, txt("mqtt")), 1_000),
    "authorization servers": (services(lambda: AuthServers(lambda: 0.5), txt("https", "v1.0")), 1_000),
    "lots that services drew": (lots, 1_001),
    "registries tried": (choice, 3_000),
    "complaints about registries": (outbox, 1_000),
    "transport files": (manifests, 600),
    "resources of owners that come and go": (catalogue, 3_000),
    "subscriptions": (subscriptions, 1_000),
    "sources that programs want to hear": (events, 3_000),
    "attempts at the PIN": (attempts, 3_000),
    "requests known by their bytes": (quick, 3_000),
    "answers kept": (ready, 25_000),
    "routes": (routes, 3_000),
    "queriers": (queriers, 3_000),
    "neighbours tried": (hearing, 3_000),
    "sources that could not be taken": (autoroute, 3_000),
}
"""Each with how many strangers must have filled it."""


@pytest.mark.parametrize("name", TABLES)
def test_strangers_fill_no_memory(name: str) -> None:
    made, enough = TABLES[name]
    table, feed = made()
    for number in range(enough):
        feed(number)
    full = footprint(table)
    for number in range(enough, 2 * enough):
        feed(number)
    assert footprint(table) <= full * 1.05 + 50


def test_a_store_holds_what_is_there_whatever_was_there() -> None:
    store = Store(FakeClock())
    with store.transaction("start") as tx:
        tx.put(Kind.NODE, {"id": "n", "label": "Node"})
        tx.put(Kind.DEVICE, {"id": "d", "node_id": "n", "label": "Device"})
    before = footprint(store)
    for number in range(2_000):
        with store.transaction("come") as tx:
            tx.put(Kind.SENDER, {"id": f"s{number}", "device_id": "d", "flow_id": None, "label": "Sender"})
            tx.attach("connection", f"s{number}", {"x": number})
        with store.transaction("go") as tx:
            tx.attach("connection", f"s{number}", None)
            tx.delete(Kind.SENDER, f"s{number}")
    assert footprint(store) <= before + 10
