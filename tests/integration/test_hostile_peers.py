"""One box, one good peer, and strangers of every bad kind: whatever they do, the good one's menu stays, and follows.

What is wrong with a stranger is in the log once and at /panel/peers, and it is asked only so often. How the box follows
peers that behave is in test_discovery_peers.py.
"""

import copy
import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from tests.lan.box import Box
from tests.lan.documents import Documents, peer_documents, recorded_peer, resource_id
from tests.lan.network import Lan
from tests.lan.peer import Fault, Peer, settle
from tests.lan.waiting import eventually

DISPLAY = """
[node]
label = "Display"
[media]
driver = "null"
[[devices]]
name = "foyer"
[[senders]]
name = "monitor"
device = "foyer"
label = "Monitor"
[[receivers]]
name = "speaker"
device = "foyer"
output = { kind = "none" }
"""
PATIENCE_S = 40.0
"""Slow answers have up to 20 s; what failed is asked again after 1, 2, 4 ... s."""
Stranger = Callable[..., Peer]
Change = Callable[[dict[str, Any]], object]
BASE: dict[str, str | None] = {"api_proto": "http", "api_ver": "v1.3", "api_auth": "false"}
COUNTERS: dict[str, str | None] = dict.fromkeys(("ver_slf", "ver_src", "ver_flw", "ver_dvc", "ver_snd", "ver_rcv"), "0")
LISTS = 6
"""Requests that a peer costs: /self, and a list of each type of resource."""
SAID = 3
"""How often zeroconf says what is new; where there are no counters, each time may be a change."""
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def lan(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lan]:
    with Lan(tmp_path_factory.mktemp("lan")) as lan:
        yield lan


@pytest.fixture(scope="module")
def desk(lan: Lan) -> Peer:
    """The good one."""
    host = lan.host("desk")
    desk = Peer(host, "desk", peer_documents("desk", host.address(), senders=2))
    lan.enter(desk)
    desk.announce()
    return desk


@pytest.fixture(scope="module")
def running(lan: Lan, desk: Peer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    with Box(lan.host("display"), tmp_path_factory.mktemp("box"), DISPLAY) as box:
        eventually(lambda: len(of_desk(box)) == 2, "the good peer in the menu")
        yield box
        assert box.stop() == 0
        assert "Traceback" not in box.log


@pytest.fixture
def box(running: Box, desk: Peer) -> Iterator[Box]:
    """The box. After the test the good peer is in its menu as before, and a change of it gets there."""
    before = of_desk(running)
    yield running
    assert running.alive
    assert of_desk(running) == before
    label = f"Desk {next(_numbers)}"
    desk.relabel("senders", 0, label)
    eventually(lambda: label in labels(running), "a change of the good peer in the menu")
    assert "Traceback" not in running.log


@pytest.fixture
def stranger(lan: Lan, box: Box) -> Iterator[Stranger]:
    """`stranger(change=None, name="", **documents)`: a silent peer on a host of its own; gone when the test is over."""
    started: list[Peer] = []

    def start(change: Callable[[dict[str, Any]], object] | None = None, name: str = "", **more: Any) -> Peer:
        number = next(_numbers)
        host = lan.host(f"s{number}")
        name = name or f"stranger{number}"
        documents = peer_documents(name, host.address(), **more)
        if change:
            for resources in documents.node_api.values():
                change(resources)
        peer = Peer(host, name, documents)
        started.append(peer)
        return peer.start()

    yield start
    for peer in started:
        if peer.announced:
            peer.withdraw()
    names = {peer.name for peer in started} | {"twin"}
    eventually(lambda: not names & peers(box).keys(), "the strangers to leave", PATIENCE_S)
    for peer in started:
        peer.kill()


class Chameleon:
    """A stranger that is somebody else for each case: cheaper than a new one. `name` is how it is announced."""

    def __init__(self, peer: Peer, box: Box) -> None:
        self.peer = peer
        self.name = peer.name
        self._box = box
        self._original = copy.deepcopy(peer.documents)

    def become(self, change: Change | None = None, documents: Documents | None = None) -> None:
        """Serve what `change` makes of its first documents, and say that all of it is new. What was asked before is
        forgotten."""
        documents = documents or copy.deepcopy(self._original)
        for resources in documents.node_api.values():
            if change:
                change(resources)
        self.peer.serve(documents)
        self.peer.requests(forget=True)
        self.peer.bump("self", "devices", "sources", "flows", "senders", "receivers")

    def announce_as(self, name: str, txt: Mapping[str, str | None], **more: Any) -> None:
        """Another instance of the service, for which the same node answers."""
        self.silence()
        self.name = name
        self.peer.requests(forget=True)
        # Each with a host name of its own: the addresses of one name would be added up.
        self.peer.announce(txt, instance=name, server=f"chameleon{next(_numbers)}.local.", **more)

    def silence(self) -> None:
        if self.peer.announced:
            self.peer.withdraw()

    def again(self) -> None:
        """As it was at first."""
        self.become()
        well(self._box, self.name)
        eventually(lambda: len(of(self._box, self.peer)) == 2, "both its senders")


@pytest.fixture(scope="module")
def grown(lan: Lan, running: Box) -> Chameleon:
    host = lan.host("chameleon")
    peer = Peer(host, "chameleon", peer_documents("chameleon", host.address(), senders=2))
    lan.enter(peer)
    return Chameleon(peer, running)


@pytest.fixture
def chameleon(box: Box, grown: Chameleon) -> Iterator[Chameleon]:
    """Announced, well and with two senders; whatever it becomes, it is so again for the next test."""
    if not grown.peer.announced or grown.name != grown.peer.name:
        grown.announce_as(grown.peer.name, {**BASE, **COUNTERS})
    grown.again()
    yield grown
    if not grown.peer.announced or grown.name != grown.peer.name:
        grown.announce_as(grown.peer.name, {**BASE, **COUNTERS})
    grown.again()


def peers(box: Box) -> dict[str, dict[str, Any]]:
    """What /panel/peers says of each, by instance name."""
    body = box.json("/panel/peers")
    assert body["total"] == len(body["peers"])
    return {peer["name"]: peer for peer in body["peers"]}


def sources(box: Box, limit: int = 250) -> dict[str, dict[str, Any]]:
    return {item["id"]: item for item in box.json(f"/panel/sources?limit={limit}")["sources"]}


def labels(box: Box) -> set[str]:
    return {item["label"] for item in sources(box).values()}


def of_desk(box: Box) -> dict[str, dict[str, Any]]:
    """The good peer's senders as the menu has them."""
    return {id: item for id, item in sources(box).items() if item["node"]["label"] == "desk"}


def of(box: Box, peer: Peer) -> dict[str, dict[str, Any]]:
    """A stranger's senders as the menu has them."""
    return {id: item for id, item in sources(box).items() if item["node"]["label"] == peer.name}


def complaints(box: Box, name: str, said: int = 0) -> list[str]:
    """What the log says of a peer that is not well, after its first `said` characters."""
    return [line for line in box.log[said:].splitlines() if f"peer '{name}'" in line and " WARNING " in line]


def troubled(box: Box, name: str, reason: str = "") -> str:
    """The error of a stranger, once it is shown and has that reason in it."""

    def look() -> str:
        error = str(peers(box)[name]["error"]) if name in peers(box) else ""
        assert reason in error, error
        return error

    return eventually(look, f"{name}'s error at /panel/peers", PATIENCE_S)


def well(box: Box, name: str) -> dict[str, Any]:
    """What the panel says of a stranger that was fetched whole."""

    def look() -> dict[str, Any] | None:
        shown = peers(box).get(name)
        return shown if shown and shown["last_fetch"] and not shown["error"] and shown["confirmed"] else None

    return eventually(look, f"{name} to be well", PATIENCE_S)


# ---- how they answer


FAULTS = {
    "hangs": (Fault.hang(), "does not answer"),
    "trickles": (Fault.trickle(0.5), "too slowly"),
    "page": (Fault.html(), "instead of JSON"),
    "half": (Fault.truncated(), "JSON"),
    "cut": (Fault.cut(), "middle of the answer"),
    "endless": (Fault.endless(), "more than"),
    "500": (Fault.error(500), "500"),
    "404": (Fault.error(404), "404"),
    "no-json": (Fault.body("["), "JSON"),
    "nothing": (Fault.body(""), "a list is expected"),
    "binary": (Fault.body("\x00\x01"), "a list is expected"),
    "deep": (Fault.body("[" * 100_000), "JSON"),
    "number": (Fault.body("[" + "9" * 10_000 + "]"), "JSON"),
    "picture": (Fault.body("\x89PNG", content_type="image/png"), "image/png"),
}


def test_however_badly_they_answer_all_at_once_others_are_found_and_each_is_named_once(
    box: Box, stranger: Stranger
) -> None:
    """And when they come to their senses, so does the menu. A late answer is as good as any."""
    bad = {kind: stranger(name=f"bad-{kind}") for kind in FAULTS}
    late, deaf = stranger(name="late"), stranger(name="deaf")
    elsewhere, victim = stranger(name="elsewhere"), stranger(name="victim")
    for kind, peer in bad.items():
        peer.fault(FAULTS[kind][0], "*/self" if kind in ("hangs", "deep") else "*/senders")
        peer.announce()
    late.fault(Fault.delay(1.0))
    late.announce()
    deaf.refuse()
    deaf.announce()
    elsewhere.fault(Fault.redirect(f"http://{victim.host.address()}:8000/x-nmos/node/v1.3/senders"), "*/senders")
    elsewhere.announce()
    fresh = stranger(name="fresh")
    fresh.announce()
    well(box, fresh.name)
    well(box, late.name)
    for kind, peer in bad.items():
        troubled(box, peer.name, FAULTS[kind][1])
    troubled(box, deaf.name, "refused")
    troubled(box, elsewhere.name, "redirects elsewhere")
    assert victim.requests() == []
    everyone = [*bad.values(), deaf, elsewhere]
    for peer in everyone:
        assert len(complaints(box, peer.name)) == 1, peer.name
        assert peer.host.address() in complaints(box, peer.name)[0]
        assert len(peer.requests()) <= 30, peer.name
        assert not of(box, peer), peer.name
        peer.heal()
    deaf.accept()
    for peer in everyone:
        peer.bump("senders")
        well(box, peer.name)
        eventually(lambda: len(of(box, peer)) == 1, f"{peer.name} in the menu")  # noqa: B023
        eventually(lambda: f"peer '{peer.name}' is well again" in box.log, "the log to say so")  # noqa: B023


# ---- what they announce


USABLE: dict[str, dict[str, str | None]] = {
    "counters that are none": {**BASE, **dict.fromkeys(COUNTERS, "x")},
    "counters out of range": {**BASE, **dict.fromkeys(COUNTERS, "256")},
    "negative counters": {**BASE, **dict.fromkeys(COUNTERS, "-1")},
    "counters without value": {**BASE, **dict.fromkeys(COUNTERS)},
    "no counters": BASE,
    "versions with rubbish between": {**BASE, **COUNTERS, "api_ver": "v0.9,,v1.3 , x,v1.999,\udcff"},
    "not even text": {**BASE, **COUNTERS, "api_auth": "\udcff\udcfe", "\udcff": "\udcff"},
    "a great many keys": {**BASE, **COUNTERS, **{f"key{number}": "x" * 20 for number in range(40)}},
    "keys in capitals": {key.upper(): value for key, value in {**BASE, **COUNTERS}.items()},
}


def test_rubbish_in_txt_is_passed_over(box: Box, chameleon: Chameleon) -> None:
    for kind, txt in USABLE.items():
        chameleon.announce_as(f"txt {kind}", txt)
        well(box, chameleon.name)
        asked = Counter(request.path for request in settle(chameleon.peer, 0.3))
        assert len(asked) == LISTS, kind
        assert max(asked.values()) <= SAID, kind
        assert not complaints(box, chameleon.name), kind


UNUSABLE: dict[str, tuple[dict[str, str | None], str]] = {
    "versions to come": ({**BASE, **COUNTERS, "api_ver": "v2.0,v7.5"}, "v2.0"),
    "versions that are none": ({**BASE, **COUNTERS, "api_ver": "latest"}, "API version"),
    "no value": ({**BASE, **COUNTERS, "api_ver": None}, "404"),
    "TLS that is none": ({**BASE, **COUNTERS, "api_proto": "https"}, ""),
}


def test_what_cannot_be_spoken_to_is_named_and_heard_when_it_can(box: Box, chameleon: Chameleon) -> None:
    for kind, (txt, reason) in UNUSABLE.items():
        chameleon.announce_as(f"txt {kind}", txt)
        assert troubled(box, chameleon.name, reason), kind
        assert len(complaints(box, chameleon.name)) == 1, kind
        chameleon.peer.set_txt(**BASE, **COUNTERS)
        well(box, chameleon.name)


def test_whoever_claims_to_live_on_loopback_or_here_is_not_asked(box: Box, chameleon: Chameleon) -> None:
    txt = {**BASE, **COUNTERS}
    for addresses in (["127.0.0.1"], ["127.8.8.8", "::1"], [box.host.address()], ["224.0.0.1"], ["0.0.0.0"]):
        name = f"at {' '.join(addresses)}"
        chameleon.announce_as(name, txt, addresses=addresses, port=9)
        assert "does not contact" in troubled(box, name)
        assert len(complaints(box, name)) == 1
    chameleon.announce_as("this very box", txt, addresses=[box.host.address()], port=box.port)
    chameleon.announce_as("also here", txt, addresses=["127.0.0.1", chameleon.peer.host.address()])
    well(box, "also here")
    assert "this very box" not in peers(box)
    assert "Monitor" in labels(box)


def test_names_as_long_and_strange_as_dns_allows(box: Box, chameleon: Chameleon) -> None:
    for name in ("x" * 63, "a b", "ümläut ☂", "\u202eright to left", "back\\slash", "'\"$(x)%s", "v1.3"):
        chameleon.announce_as(name, {**BASE, **COUNTERS})
        shown = name.replace("\u202e", "")
        assert well(box, shown)["sources"] == 2
    assert "\u202e" not in box.get("/panel/peers").text


def test_two_that_announce_one_name_do_not_make_a_storm(box: Box, stranger: Stranger) -> None:
    one, two = stranger(), stranger()
    one.announce(instance="twin")
    two.announce(instance="twin")
    eventually(lambda: of(box, one) or of(box, two), "one of them in the menu")
    for _ in range(5):
        one.reannounce()
        two.reannounce()
    assert len(settle(one, 0.5)) + len(settle(two, 0.5)) <= 60
    assert of(box, one) or of(box, two)


# ---- what they say of themselves


def test_two_with_one_node_id_are_one_source_and_losing_one_loses_nothing(box: Box, stranger: Stranger) -> None:
    one = stranger(name="original")
    two = stranger(name="copy")
    copied = Documents(one.documents.node_api, one.documents.files)
    two.serve(copied)
    one.announce()
    two.announce()
    well(box, one.name)
    well(box, two.name)
    assert len(of(box, one)) == 1
    two.withdraw()
    eventually(lambda: "copy" not in peers(box), "the copy to leave")
    assert len(of(box, one)) == 1


def test_who_claims_the_senders_of_another_does_not_get_them(box: Box, stranger: Stranger) -> None:
    """Neither the good peer's nor this box's own."""
    [own] = [id for id, item in sources(box).items() if item["label"] == "Monitor"]
    targets = [resource_id("desk", "sender 1"), own]

    def claim(resources: dict[str, Any]) -> None:
        for sender, id in zip(resources["senders"], targets, strict=True):
            sender.update(id=id, label="Mine now")

    thief = stranger(claim, senders=2)
    thief.announce()
    well(box, thief.name)
    shown = sources(box)
    assert "Mine now" not in labels(box)
    assert [shown[id]["node"]["label"] for id in targets] == ["desk", "Display"]


def test_who_claims_to_be_this_box_is_not_believed(box: Box, stranger: Stranger) -> None:
    node_id = box.json("/x-nmos/node/v1.3/self")["id"]
    before = sources(box)

    def claim(resources: dict[str, Any]) -> None:
        resources["self"]["id"] = node_id

    peer = stranger(claim)
    peer.announce()
    eventually(lambda: peer.requests("*/self"), "its /self to be looked at")
    settle(peer, 0.5)
    assert sources(box) == before
    assert len(peer.requests()) <= LISTS


def _set(kind: str, **values: Any) -> Callable[[dict[str, Any]], None]:
    def change(resources: dict[str, Any]) -> None:
        (resources["self"] if kind == "self" else resources[kind][0]).update(values)

    return change


def _drop(kind: str, key: str) -> Callable[[dict[str, Any]], None]:
    def change(resources: dict[str, Any]) -> None:
        (resources["self"] if kind == "self" else resources[kind][0]).pop(key)

    return change


ODD_RESOURCES = {
    "an id that is none": (_set("senders", id="x"), "id must be a UUID"),
    "an id that is a list": (_set("senders", id=[]), "id must be a UUID"),
    "no device": (_drop("senders", "device_id"), "device_id is missing"),
    "a label that is a number": (_set("senders", label=5), "label must be"),
    "a label without end": (_set("senders", label="x" * 10_000), "10000 characters"),
    "half a character": (_set("senders", label="\ud800"), "surrogate"),
    "a version that is none": (_set("senders", version="now"), "version must be"),
    "tags that are none": (_set("senders", tags=[1]), "tags must be"),
    "a transport that is none": (_set("senders", transport={}), "transport must be"),
    "a subscription that is none": (_set("senders", subscription="yes"), "subscription must be"),
    "bindings that are none": (_set("senders", interface_bindings="eth0"), "interface_bindings must be"),
    "a manifest that is none": (_set("senders", manifest_href=5), "manifest_href must be"),
    "too deep": (_set("senders", x=json.loads("[" * 100 + "]" * 100)), "deep"),
    "too large": (_set("senders", x=["y" * 4000] * 100), "characters"),
}


def test_a_resource_that_cannot_be_used_is_left_out_and_its_neighbour_stays(box: Box, chameleon: Chameleon) -> None:
    for kind, (change, reason) in ODD_RESOURCES.items():
        said = len(box.log)
        chameleon.become(change)
        assert "left out" in troubled(box, chameleon.name, reason), kind
        eventually(lambda: len(of(box, chameleon.peer)) == 1, "its neighbour alone in the menu")
        assert peers(box)[chameleon.name]["left_out"] == 1, kind
        assert len(chameleon.peer.requests()) <= 2 * LISTS, kind
        assert len(complaints(box, chameleon.name, said)) == 1, kind
        chameleon.again()


def _no_resources(resources: dict[str, Any]) -> None:
    for kind in ("sources", "flows", "devices"):
        resources[kind] = [{"id": {}}, {"id": []}, {"id": "x"}]


def _twice(resources: dict[str, Any]) -> None:
    resources["senders"] *= 3


SHOWN_ALL_THE_SAME: dict[str, tuple[Callable[[dict[str, Any]], None], int]] = {
    "no flow": (_set("senders", flow_id=None), 0),
    "a flow that is not there": (_set("senders", flow_id=resource_id("nobody", "flow")), 0),
    "a flow whose source is not there": (_set("flows", source_id=resource_id("nobody", "source")), 0),
    "a device that is not there": (_set("senders", device_id=resource_id("nobody", "device")), 0),
    "a device of nobody": (_set("devices", node_id=resource_id("nobody", "node")), 0),
    "no manifest": (_set("senders", manifest_href=None), 0),
    "nothing else that is any": (_no_resources, 9),
    "every sender three times": (_twice, 0),
    "an unknown format": (_set("flows", format="urn:x-nmos:format:smell", media_type="smell/rose"), 0),
    "an unknown transport": (_set("senders", transport="urn:x-nmos:transport:carrier-pigeon"), 0),
    "keys nobody knows": (_set("senders", surprise={"a": [1, 2, 3]}), 0),
    "an href that is none": (_set("self", href="x" * 100), 0),
    "an href to loopback": (_set("self", href="http://127.0.0.1:8080/"), 0),
    "channels that are odd": (_set("sources", channels=[{}, {"label": 5}]), 0),
    "a rate of zero": (_set("flows", sample_rate={"numerator": 0, "denominator": 0}), 0),
    "a rate that is none": (_set("flows", sample_rate="fast", bit_depth="deep"), 0),
}


def test_a_sender_is_shown_whatever_is_odd_about_what_belongs_to_it(box: Box, chameleon: Chameleon) -> None:
    receiver = box.json("/panel/receivers")["receivers"][0]["id"]
    first = resource_id("chameleon", "sender 1")

    def fit() -> dict[str, Any]:
        shown = box.json(f"/panel/sources?receiver={receiver}")["sources"]
        return {item["id"]: item["fit"]["verdict"] for item in shown}

    for kind, (change, left_out) in SHOWN_ALL_THE_SAME.items():
        chameleon.become(change)
        eventually(lambda: len(chameleon.peer.requests()) >= LISTS, "all of it to be fetched")
        eventually(lambda: peers(box)[chameleon.name]["left_out"] == left_out, f"{left_out} left out of {kind}")  # noqa: B023
        assert fit()[first] in ("yes", "no", "unknown"), kind
        assert len(chameleon.peer.requests()) <= 2 * LISTS, kind
        chameleon.again()


def test_labels_are_made_fit_to_be_shown(box: Box, chameleon: Chameleon) -> None:
    nasty = "a\x00b\x1b[2Jc\r\nd\u202ee\u200bf" + "x" * 3000
    chameleon.become(_set("senders", label=nasty))
    [item] = eventually(
        lambda: [item for item in of(box, chameleon.peer).values() if item["label"].startswith("ab")],
        "the cleaned label in the menu",
    )
    assert item["label"].isprintable()
    assert len(item["label"]) <= 100


def test_two_thousand_senders_take_a_request_for_each_list(box: Box, stranger: Stranger) -> None:
    peer = stranger(senders=2000)
    peer.announce()
    shown = eventually(lambda: well(box, peer.name) if well(box, peer.name)["sources"] == 2000 else None, "all of them")
    assert shown["left_out"] == 0
    eventually(lambda: sum(item["node"]["label"] == peer.name for item in everything(box)) == 2000, "all in the menu")
    assert len(settle(peer, 0.5)) == LISTS
    peer.relabel("senders", 1999, "The last one")
    eventually(lambda: "The last one" in {item["label"] for item in everything(box)}, "a change of one")
    assert len(settle(peer, 0.5)) == LISTS + 1


def everything(box: Box) -> Iterator[dict[str, Any]]:
    for offset in range(0, box.json("/panel/sources")["total"], 500):
        yield from box.json(f"/panel/sources?limit=500&offset={offset}")["sources"]


def test_a_real_products_documents_are_read_without_complaint(box: Box, chameleon: Chameleon) -> None:
    documents = recorded_peer()
    chameleon.peer.serve(documents)
    for version, resources in documents.node_api.items():
        chameleon.announce_as(f"nmos-cpp {version}", {**BASE, **COUNTERS, "api_ver": version})
        shown = well(box, chameleon.name)
        assert (shown["api_version"], shown["left_out"]) == (version, 0)
        assert not complaints(box, chameleon.name)
        assert shown["sources"] == len(resources["senders"])
        ids = {sender["id"] for sender in resources["senders"]}
        eventually(lambda: ids <= sources(box).keys(), f"all its {version} senders in the menu")  # noqa: B023


# ---- transport files


SDP_FAULTS = {
    "page": (Fault.html(), 502, "is none"),
    "error": (Fault.error(500), 502, "500"),
    "hang": (Fault.hang(), 502, "does not answer"),
    "endless": (Fault.endless(), 502, "more than"),
    "cut": (Fault.cut(), 502, "middle"),
    "nothing": (Fault.body("", content_type="application/sdp"), 502, "is none"),
    "loopback": (Fault.redirect("http://127.0.0.1:8080/x-nmos/"), 502, "redirects"),
    "round": (Fault.redirect("/x-nmos/connection/round"), 502, "redirects"),
}


def test_a_take_whose_transport_file_is_bad_changes_nothing_and_says_why(box: Box, chameleon: Chameleon) -> None:
    peer = chameleon.peer
    source = resource_id("chameleon", "sender 1")
    receiver = box.json("/panel/receivers")["receivers"][0]["id"]
    active = f"/x-nmos/connection/v1.1/single/receivers/{receiver}/active"
    before = box.json(active)
    body = {"receiver_id": receiver, "sender_id": source}
    for kind, (fault, status, reason) in SDP_FAULTS.items():
        peer.fault(fault, "/x-nmos/connection/*")
        peer.requests(forget=True)
        answer = box.post("/panel/take", body)
        assert answer.status == status, f"{kind}: {answer.body!r}"
        assert reason in answer.json()["error"], kind
        assert len(peer.requests("/x-nmos/connection/*")) <= 4, kind
        assert box.json(active) == before, kind
        peer.heal()
    assert box.post("/panel/take", body).status == 200
    assert box.json(active)["sender_id"] == source
    assert box.post("/panel/take", {**body, "sender_id": None}).status == 200


def test_a_transport_file_of_something_else_is_refused_until_its_sender_has_a_new_version(
    box: Box, chameleon: Chameleon
) -> None:
    peer, source = chameleon.peer, resource_id("chameleon", "sender 2")
    body = {"receiver_id": box.json("/panel/receivers")["receivers"][0]["id"], "sender_id": source}
    video = "v=0\r\nm=video 5000 RTP/AVP 96\r\na=rtpmap:96 raw/90000\r\n"
    peer.fault(Fault.body(video, content_type="application/sdp"), "/x-nmos/connection/*")
    answer = box.post("/panel/take", body)
    assert answer.status == 400, answer.body
    assert "transport_file.data: " in answer.json()["error"]
    peer.heal()
    peer.relabel("senders", 1, "Sound now")
    eventually(lambda: "Sound now" in labels(box), "its new version")
    assert box.post("/panel/take", body).status == 200
    assert box.post("/panel/take", {**body, "sender_id": None}).status == 200


HREFS = {
    "http://127.0.0.1:8080/x-nmos/": 403,
    "http://localhost/": 403,
    "http://[::1]:8080/": 403,
    "http://display:8080/": 403,
    "http://10.77.1.250/third": 403,
    "http://elsewhere.example/": 403,
    "file:///etc/passwd": 400,
    "gopher://10.77.1.250/": 400,
    "http://": 400,
    "http://[": 400,
    "x" * 4000: 400,
    "http://a\x00b/": 400,
    "": 404,
}


def test_a_manifest_href_leads_nowhere_else(box: Box, chameleon: Chameleon) -> None:
    documents = peer_documents("chameleon", chameleon.peer.host.address(), senders=len(HREFS))
    for sender, href in zip(documents.node_api["v1.3"]["senders"], HREFS, strict=True):
        sender["manifest_href"] = href
    chameleon.become(documents=documents)
    eventually(lambda: len(of(box, chameleon.peer)) == len(HREFS), "all its senders in the menu")
    settle(chameleon.peer, 0.3)
    chameleon.peer.requests(forget=True)
    receiver = box.json("/panel/receivers")["receivers"][0]["id"]
    for number, (href, status) in enumerate(HREFS.items(), start=1):
        body = {"receiver_id": receiver, "sender_id": resource_id("chameleon", f"sender {number}")}
        answer = box.post("/panel/take", body)
        assert answer.status == status, f"{href:.60}: {answer.body!r}"
        assert "manifest_href" in answer.json()["error"]
    assert chameleon.peer.requests() == []
