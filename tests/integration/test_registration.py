"""Registered operation on a LAN: a box and registries that work, die, freeze, lie and forget (IS-04, IS-09)."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.integration.conftest import StartBox
from tests.lan.box import Box
from tests.lan.dns import DnsServer
from tests.lan.network import Lan
from tests.lan.observer import Observer
from tests.lan.registry import SYSTEM_TYPE, Registry
from tests.lan.waiting import eventually
from tests.support.specs import problems

LONG_S = 40.0
"""Several heartbeats, time-outs and backoffs."""
KINDS = ("node", "device", "source", "flow", "sender", "receiver")
COUNTERS = ("ver_slf", "ver_src", "ver_flw", "ver_dvc", "ver_snd", "ver_rcv")
CONFIG = """
[node]
label = "Box"
[media]
driver = "null"
[[devices]]
name = "stage"
[[senders]]
name = "tone"
device = "stage"
[[receivers]]
name = "speaker"
device = "stage"
"""

StartRegistry = Callable[..., Registry]


@pytest.fixture
def start_registry(lan: Lan) -> StartRegistry:
    """`start_registry(name, ...)`: a running `Registry`, silent, on a host of its own."""

    def start(name: str = "reg", **more: Any) -> Registry:
        registry = Registry(lan.host(name), name, **more)
        lan.enter(registry)
        return registry

    return start


@pytest.fixture
def box(lan: Lan, start_box: StartBox) -> Box:
    return start_box(lan.host("box"), CONFIG)


@pytest.fixture
def observer(lan: Lan) -> Iterator[Observer]:
    with Observer(lan.host("eye")) as observer:
        yield observer


def node_api(box: Box, version: str = "v1.3") -> dict[str, dict[str, Any]]:
    """What the Node API shows, by type and id, as a registry would hold it."""
    base = f"/x-nmos/node/{version}"
    shown = {"node": [box.json(f"{base}/self")]} | {kind: box.json(f"{base}/{kind}s") for kind in KINDS[1:]}
    return {kind: {body["id"]: body for body in bodies} for kind, bodies in shown.items() if bodies}


def registered(registry: Registry, box: Box, version: str = "v1.3", patience_s: float = LONG_S) -> None:
    """Wait until the registry holds exactly what the Node API shows."""

    def same() -> bool:
        held, shown = registry.held(), node_api(box, version)
        assert held == shown, {kind: len(bodies) for kind, bodies in held.items()}
        return True

    eventually(same, f"{registry.name} to hold what {box.name} shows", patience_s)


def said(registry: Registry) -> list[str]:
    return [str(request) for request in registry.requests()]


def beats(registry: Registry) -> int:
    return sum(text.startswith("BEAT") for text in said(registry))


def take_off(box: Box, enable: bool) -> str:
    """An activation of the receiver; its id."""
    (receiver,) = box.json("/x-nmos/node/v1.3/receivers")
    staged = {"master_enable": enable, "activation": {"mode": "activate_immediate"}}
    answer = box.patch(f"/x-nmos/connection/v1.1/single/receivers/{receiver['id']}/staged", staged)
    assert answer.status == 200, answer.text
    return str(receiver["id"])


@pytest.mark.parametrize("version", ["v1.0", "v1.1", "v1.2", "v1.3"])
def test_it_registers_everything_in_order(start_registry: StartRegistry, box: Box, version: str) -> None:
    registry = start_registry(versions=[version])
    registry.announce()
    registered(registry, box, version)
    posts = [request for request in registry.requests() if request.body]
    assert [str(post) for post in posts[:6]] == [f"POST {kind} {version}" for kind in KINDS]
    for post in posts:
        assert problems("is-04", version, post.body["type"], post.body["data"]) == []
        assert post.headers["content-type"] == "application/json"
        assert "content-length" in post.headers
        assert "transfer-encoding" not in post.headers
    eventually(lambda: beats(registry) >= 2, "two heartbeats")
    for request in registry.requests():
        if str(request).startswith("BEAT"):
            assert request.headers.get("content-length") == "0"
            assert "content-type" not in request.headers


def test_every_change_is_followed(start_registry: StartRegistry, box: Box) -> None:
    registry = start_registry()
    registry.announce()
    registered(registry, box)
    registry.requests(forget=True)
    receiver = take_off(box, enable=True)
    eventually(lambda: registry.held()["receiver"][receiver]["subscription"]["active"], "the change in the registry")
    registered(registry, box)
    assert set(said(registry)) <= {"POST receiver v1.3", "POST sender v1.3", "POST device v1.3", "BEAT v1.3"}
    for number in range(20):
        take_off(box, enable=bool(number % 2))
    registered(registry, box)


def test_the_counters_go_when_it_is_registered_and_come_back(
    start_registry: StartRegistry, box: Box, observer: Observer
) -> None:
    observer.wait_for("Box", lambda service: set(COUNTERS) <= set(service.txt))
    registry = start_registry()
    registry.announce()
    observer.wait_for("Box", lambda service: not set(COUNTERS) & set(service.txt))
    registered(registry, box)
    for _ in range(3):
        take_off(box, enable=True)
    registry.kill()
    back = observer.wait_for("Box", lambda service: set(COUNTERS) <= set(service.txt), LONG_S)
    assert int(back.txt["ver_rcv"] or 0) >= 3  # they went on counting


def test_a_node_of_v1_3_only_is_not_announced_beside_a_registry(
    lan: Lan, start_box: StartBox, start_registry: StartRegistry, observer: Observer
) -> None:
    start_box(lan.host("box"), CONFIG + '[discovery]\napi_versions = ["v1.3"]\n')
    observer.wait_for("Box")
    registry = start_registry()
    registry.announce()
    observer.wait_gone("Box")
    registry.kill()
    observer.wait_for("Box", lambda service: set(COUNTERS) <= set(service.txt), LONG_S)


def test_a_killed_registry_is_followed_by_the_next_and_used_again(start_registry: StartRegistry, box: Box) -> None:
    first, second = start_registry("first"), start_registry("second")
    first.announce(pri="0")
    second.announce(pri="10")
    registered(first, box)
    first.kill()
    registered(second, box)
    assert said(second)[:2] == ["BEAT v1.3", "POST node v1.3"]
    first.start()
    first.announce(pri="0")
    now = beats(second)
    eventually(lambda: beats(second) >= now + 2, "two more heartbeats at the registry that works")
    assert said(first) == []
    second.kill()
    registered(first, box)


def test_a_frozen_registry_is_left_in_time(start_registry: StartRegistry, box: Box) -> None:
    frozen, other = start_registry("frozen"), start_registry("other")
    frozen.announce(pri="0")
    other.announce(pri="10")
    registered(frozen, box)
    frozen.freeze()
    registered(other, box)
    frozen.thaw()
    assert box.json("/x-nmos/node/v1.3/self")["label"] == "Box"


def test_the_only_registry_frozen_for_a_while(start_registry: StartRegistry, box: Box, observer: Observer) -> None:
    registry = start_registry()
    registry.announce()
    registered(registry, box)
    observer.wait_for("Box", lambda service: "ver_slf" not in service.txt)
    registry.freeze()
    observer.wait_for("Box", lambda service: "ver_slf" in service.txt, LONG_S)
    registry.thaw()
    observer.wait_for("Box", lambda service: "ver_slf" not in service.txt, LONG_S)
    registered(registry, box)


def test_a_better_registry_does_not_take_it_away(start_registry: StartRegistry, box: Box) -> None:
    works = start_registry("works")
    works.announce(pri="50")
    registered(works, box)
    better = start_registry("better")
    better.announce(pri="0")
    now = beats(works)
    eventually(lambda: beats(works) >= now + 2, "two more heartbeats")
    assert said(better) == []


def test_it_unregisters_when_it_is_stopped(start_registry: StartRegistry, box: Box) -> None:
    registry = start_registry()
    registry.announce()
    registered(registry, box)
    assert box.stop() == 0
    assert registry.held() == {}
    assert said(registry)[-1] == "DELETE nodes v1.3"


def test_it_stops_in_time_beside_a_frozen_registry(start_registry: StartRegistry, box: Box) -> None:
    registry = start_registry()
    registry.announce()
    registered(registry, box)
    registry.freeze()
    assert box.stop() == 0
    registry.thaw()


def test_what_an_earlier_run_left_is_cleared(start_registry: StartRegistry, box: Box) -> None:
    registry = start_registry(forget_s=1000.0)
    registry.announce()
    registered(registry, box)
    box.kill()
    registry.requests(forget=True)
    box.start()
    eventually(lambda: "POST receiver v1.3" in said(registry), "the box to register")
    assert said(registry)[:3] == ["POST node v1.3", "DELETE nodes v1.3", "POST node v1.3"]
    registered(registry, box)


def test_a_node_known_under_another_version_is_unregistered_there(start_registry: StartRegistry, box: Box) -> None:
    registry = start_registry(forget_s=1000.0)
    registry.hold("v1.2", **node_api(box, "v1.2"))
    registry.announce()
    registered(registry, box)
    assert said(registry)[:3] == ["POST node v1.3", "DELETE nodes v1.2", "POST node v1.3"]


def test_a_registry_that_forgets_is_told_everything_again(start_registry: StartRegistry, box: Box) -> None:
    registry = start_registry()
    registry.announce()
    registered(registry, box)
    registry.forget()
    registered(registry, box)
    assert "BEAT v1.3" in said(registry)


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "answer", "status": 500},
        {"kind": "answer", "status": 302},
        {"kind": "answer", "status": 200, "content_type": "text/html", "text": "<html>Log in</html>"},
        {"kind": "answer", "status": 400, "text": "{}"},
        {"kind": "garbage"},
        {"kind": "hang"},
    ],
    ids=lambda fault: f"{fault['kind']}-{fault.get('status', '')}",
)
def test_a_registry_that_does_not_do_its_work_is_passed_over(
    start_registry: StartRegistry, box: Box, fault: dict[str, Any]
) -> None:
    bad, good = start_registry("bad"), start_registry("good")
    bad.fault(**fault)
    bad.announce(pri="0")
    eventually(lambda: said(bad), "the box to come")
    good.announce(pri="10")
    registered(good, box)
    assert "bad" in box.log


def test_what_is_refused_is_sent_once(start_registry: StartRegistry, box: Box) -> None:
    registry = start_registry()
    error = json.dumps({"code": 400, "error": "no such device here", "debug": None})
    registry.fault("answer", "POST *", times=None, status=400, text=error)
    registry.announce()
    eventually(lambda: said(registry) == ["POST node v1.3"], "one POST")
    registry.heal()
    eventually(lambda: "no such device here" in box.log, "the log to say so")
    registry.withdraw()
    registry.announce()  # whoever runs it has mended it
    registered(registry, box)


def test_a_cable_that_is_cut_and_mended(start_registry: StartRegistry, box: Box) -> None:
    registry = start_registry()
    registry.announce()
    take_off(box, enable=True)
    registered(registry, box)
    box.host.link_down()
    eventually(lambda: registry.held() == {}, "the registry to forget the box", LONG_S)
    receiver = take_off(box, enable=False)
    box.host.link_up()
    registered(registry, box, patience_s=90.0)
    assert not registry.held()["receiver"][receiver]["subscription"]["active"]


def test_an_address_that_changes_is_registered(start_registry: StartRegistry, box: Box) -> None:
    registry = start_registry()
    registry.announce()
    registered(registry, box)
    box.host.add_address("eth0", "10.77.1.99/24")
    eventually(lambda: "10.77.1.99" in json.dumps(registry.held().get("node")), "the new address in the registry")
    registered(registry, box)


@pytest.mark.parametrize("mode", ["peer-to-peer", "off"])
def test_no_registry_is_used_where_none_is_wanted(
    lan: Lan, start_box: StartBox, start_registry: StartRegistry, observer: Observer, mode: str
) -> None:
    start_box(lan.host("box"), CONFIG + f'[discovery]\nmode = "{mode}"\n')
    registry = start_registry()
    registry.announce()
    with Observer(lan.host("eye2"), "_nmos-register._tcp.local.") as eye:
        eye.wait_for("reg")
    if mode == "peer-to-peer":
        observer.wait_for("Box", lambda service: "ver_slf" in service.txt)
    assert said(registry) == []


def test_a_registry_can_be_named(lan: Lan, start_box: StartBox, start_registry: StartRegistry) -> None:
    other, named = start_registry("other"), start_registry("named", versions=["v1.1", "v1.2"])
    other.announce()
    box = start_box(lan.host("box"), CONFIG + f'[discovery]\nregistry = "{named.url}"\n')
    registered(named, box, "v1.2")
    assert said(other) == []


def test_unicast_dns_goes_before_mdns(lan: Lan, start_box: StartBox, start_registry: StartRegistry) -> None:
    by_mdns, by_dns = start_registry("by-mdns"), start_registry("by-dns")
    by_mdns.announce()
    host = lan.host("box")
    with DnsServer(lan.host("dns")) as dns:
        txt = {"api_ver": "v1.2,v1.3", "api_proto": "http", "api_auth": "false", "pri": "50"}
        dns.add_service("_nmos-register._tcp", "by-dns", by_dns.host.address(), by_dns.port, **txt)
        dns.used_by(host)
        box = start_box(host, CONFIG)
        registered(by_dns, box)
        assert said(by_mdns) == []
        assert "_nmos-registration._tcp.studio.example." in dns.asked


def test_mdns_is_used_where_unicast_dns_knows_nothing(
    lan: Lan, start_box: StartBox, start_registry: StartRegistry
) -> None:
    registry = start_registry()
    registry.announce()
    host = lan.host("box")
    with DnsServer(lan.host("dns")) as dns:
        dns.used_by(host)
        registered(registry, start_box(host, CONFIG))


def test_what_the_system_says_is_heeded_and_kept(lan: Lan, start_box: StartBox, start_registry: StartRegistry) -> None:
    document = {
        "id": "3b8be755-08ff-452b-b217-c9151eb21193",
        "version": "1441700172:318426300",
        "label": "Studio",
        "description": "",
        "tags": {},
        "is04": {"heartbeat_interval": 1},
        "ptp": {"announce_receipt_timeout": 3, "domain_number": 57},
    }
    registry = start_registry(system=document)
    box = start_box(lan.host("box"), CONFIG)
    registry.announce(SYSTEM_TYPE)
    eventually(lambda: "PTP domain 57" in box.log, "the box to read the global configuration")
    registry.withdraw()
    box.restart()
    registry.announce()
    registered(registry, box)
    first = next(request.at for request in registry.requests() if str(request) == "POST node v1.3")
    eventually(lambda: beats(registry) >= 4, "four heartbeats")
    fourth = [request.at for request in registry.requests() if str(request).startswith("BEAT")][3]
    assert fourth - first < 4 * 5.0  # not every 5 s, by any measure
