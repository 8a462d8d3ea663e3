"""A real box with one of everything, asked for every path that AMWA's RAML files know, in every way and every version.

Every answer, errors too, is held against the schema of its version; every example that is a request is sent.
"""

import copy
import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest

from tests.lan.box import CHECKOUT, Box
from tests.lan.documents import Documents, peer_documents
from tests.lan.http import Answer
from tests.lan.network import RED_AND_BLUE, Host, Lan
from tests.lan.peer import Peer
from tests.support import raml
from tests.support.specs import examples, problems

NODE_VERSIONS = ("v1.0", "v1.1", "v1.2", "v1.3")
CONNECTION_VERSIONS = ("v1.0", "v1.1")
APIS = [("is-04", version, "NodeAPI", "node") for version in NODE_VERSIONS] + [
    ("is-05", version, "ConnectionAPI", "connection") for version in CONNECTION_VERSIONS
]
CONFIG = CHECKOUT / "docs" / "examples" / "everything.toml"
NOBODY = "00000000-0000-4000-8000-000000000000"
ALL_METHODS = ("GET", "PUT", "PATCH", "POST", "DELETE", "PROPFIND")
# The addresses that the examples of IS-05 speak of: two of a sender, two of a receiver.
EXAMPLE_ADDRESSES = {"eth0": ("192.168.200.10", "192.168.200.15"), "eth1": ("192.168.210.10", "192.168.210.15")}
# Where the examples of IS-04 have a controller send a receiver.
EXAMPLE_NETWORKS = ["172.29.0.0/16"]
SHOWN_BY = {
    "Two legs": "Two legs",
    "Screen": "ST 2110-20",
    "JPEG XS decoder": "JPEG XS",
    "Caption decoder": "Ancillary data",
    "SDI output": "SDI over IP",
}
"""Which sender each receiver of everything.toml is connected to; the others to "Tone L24"."""
ORIGIN = {"Origin": "http://controller.example"}


@pytest.fixture(scope="module")
def lan(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lan]:
    with Lan(tmp_path_factory.mktemp("lan")) as lan:
        yield lan


@pytest.fixture(scope="module")
def box(lan: Lan, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    host = lan.host("everything", RED_AND_BLUE)
    for port, addresses in EXAMPLE_ADDRESSES.items():
        for address in addresses:
            host.add_address(port, f"{address}/24")
    config = f"{CONFIG.read_text(encoding='utf-8')}\n[access]\ncontact = {EXAMPLE_NETWORKS}\n"
    with Box(host, tmp_path_factory.mktemp("everything"), config) as box:
        yield box
        assert box.stop() == 0
        assert "Traceback" not in box.log


@pytest.fixture(scope="module")
def camera(lan: Lan) -> Host:
    return lan.host("camera")


def with_cors(answer: Answer) -> Answer:
    assert answer.headers.get("access-control-allow-origin") == "*"
    return answer


def is_error(answer: Answer, status: int) -> str:
    """An error of every NMOS API; the reason in it."""
    with_cors(answer)
    assert answer.status == status, answer.body
    assert answer.headers["content-type"] == "application/json"
    for spec, version in (("is-04", "v1.3"), ("is-05", "v1.1")):
        assert problems(spec, version, "error", answer.json()) == []
    assert answer.json()["code"] == status
    assert answer.json()["debug"] is None or isinstance(answer.json()["debug"], str)
    return str(answer.json()["error"])


def filled(box: Box, spec: str, version: str, path: str) -> list[str]:
    """The path with each id that the box lists in that version; itself where it has none."""
    if "{" not in path:
        return [path]
    listed, rest = path.split("/{", 1)
    base = "node" if spec == "is-04" else "connection"
    entries = box.json(f"/x-nmos/{base}/{version}{listed}")
    ids = [entry["id"] if isinstance(entry, dict) else entry.rstrip("/") for entry in entries]
    assert ids
    return [f"{listed}/{id}{rest.partition('}')[2]}" for id in ids]


def all_paths(box: Box, spec: str, version: str, api: str, name: str) -> Iterator[tuple[raml.Resource, str]]:
    for resource in raml.resources(spec, version, api):
        for path in filled(box, spec, version, resource.path):
            yield resource, f"/x-nmos/{name}/{version}{path}"


def is_rtp(resource: dict[str, Any]) -> bool:
    return str(resource["transport"]).startswith("urn:x-nmos:transport:rtp")


def connect_all(box: Box) -> None:
    """Every receiver plays a sender of this box, so that what is shown is not only defaults."""
    senders = {sender["label"]: sender["id"] for sender in box.json("/x-nmos/node/v1.3/senders")}
    for receiver in filter(is_rtp, box.json("/x-nmos/node/v1.3/receivers")):
        sender = senders[SHOWN_BY.get(receiver["label"], "Tone L24")]
        answer = box.post("/panel/take", {"receiver_id": receiver["id"], "sender_id": sender})
        assert answer.status == 200, answer.body


def disable_all(box: Box) -> None:
    base = "/x-nmos/connection/v1.1/single"
    for kind in ("senders", "receivers"):
        for id in box.json(f"{base}/{kind}/"):
            body = {"master_enable": False, "activation": {"mode": "activate_immediate"}}
            assert box.patch(f"{base}/{kind}/{id}staged", body).status == 200


def enable_all(box: Box) -> None:
    base = "/x-nmos/connection/v1.1/single"
    for id in box.json(f"{base}/senders/"):
        body = {"master_enable": True, "activation": {"mode": "activate_immediate"}}
        assert box.patch(f"{base}/senders/{id}staged", body).status == 200


def test_the_base_of_all_lists_the_apis_and_their_versions(box: Box, camera: Host) -> None:
    for slash in ("", "/"):
        # What is for this host alone (the local Query API) is not shown to others.
        shown_to_others = with_cors(camera.get(f"{box.url}/x-nmos{slash}")).json()
        assert [api for api in shown_to_others if api != "events/"] == ["channelmapping/", "connection/", "node/"]
        assert set(shown_to_others) <= set(with_cors(box.get(f"/x-nmos{slash}")).json())
        assert with_cors(box.get(f"/x-nmos/node{slash}")).json() == [f"{version}/" for version in NODE_VERSIONS]
        shown = with_cors(box.get(f"/x-nmos/connection{slash}")).json()
        assert shown == [f"{version}/" for version in CONNECTION_VERSIONS]


def is_alike_with_slash_and_head(box: Box, path: str, answer: Answer) -> None:
    with_slash = with_cors(box.get(f"{path}/", ORIGIN))
    assert (with_slash.status, with_slash.body) == (answer.status, answer.body), path
    for slash in ("", "/"):
        head = with_cors(box.raw("HEAD", path + slash))
        assert (head.status, head.body) == (answer.status, b""), path
        for field in ("content-type", "content-length"):
            assert head.headers[field] == answer.headers[field]


@pytest.mark.parametrize("state", ["as it starts", "connected", "disabled"])
def test_every_get_is_valid_by_the_schema_of_its_version(box: Box, state: str) -> None:
    if state == "connected":
        connect_all(box)
    if state == "disabled":
        disable_all(box)
    with_file = {sender["id"] for sender in filter(is_rtp, box.json("/x-nmos/node/v1.3/senders"))}
    asked = 0
    for spec, version, api, name in APIS:
        for resource, path in all_paths(box, spec, version, api, name):
            if 200 not in resource.methods.get("get", ()):
                continue
            answer = with_cors(box.get(path, ORIGIN))
            asked += 1
            if path.endswith("/transportfile") and answer.status == 404:
                assert path.split("/")[-2] not in with_file, is_error(answer, 404)
                continue
            assert answer.status == 200, f"{path}: {answer.body!r}"
            if path.endswith("/transportfile"):
                assert answer.headers["content-type"] == "application/sdp"
            else:
                assert answer.headers["content-type"] == "application/json"
                assert problems(spec, version, resource.schemas["get", 200], answer.json()) == [], path
            is_alike_with_slash_and_head(box, path, answer)
    assert asked > 150
    if state == "disabled":
        enable_all(box)


def test_every_path_answers_a_preflight_and_echoes_the_headers_it_asks_for(box: Box) -> None:
    for spec, version, api, name in APIS:
        for resource, path in all_paths(box, spec, version, api, name):
            methods = {method.upper() for method, statuses in resource.methods.items() if statuses != {405}}
            asked = "Content-Type, X-Whatever"
            answer = with_cors(box.raw("OPTIONS", path, headers={**ORIGIN, "Access-Control-Request-Headers": asked}))
            assert answer.status == 200
            assert methods <= set(answer.headers["access-control-allow-methods"].split(", ")), path
            assert answer.headers["access-control-allow-headers"] == asked
            plain = with_cors(box.raw("OPTIONS", path))
            assert "Content-Type" in plain.headers["access-control-allow-headers"].split(", ")


def test_a_method_that_a_path_does_not_have_is_405_with_those_it_has(box: Box) -> None:
    for spec, version, api, name in APIS:
        for resource in raml.resources(spec, version, api):
            path = f"/x-nmos/{name}/{version}{filled(box, spec, version, resource.path)[0]}"
            known = {method.upper() for method, statuses in resource.methods.items() if statuses != {405}}
            for method in set(ALL_METHODS) - known:
                answer = box.raw(method, path)
                assert method in is_error(answer, 405)
                allowed = set(answer.headers["allow"].split(", "))
                assert known <= allowed, path
                assert method not in allowed
            if "GET" not in known:
                is_error(box.get(f"{path}/"), 404)


def test_what_is_not_there_is_404_in_every_version(box: Box, camera: Host) -> None:
    for spec, version, api, name in APIS:
        for resource in raml.resources(spec, version, api):
            if "{" not in resource.path:
                continue
            path = re.sub(r"\{\w+\}", NOBODY, f"/x-nmos/{name}/{version}{resource.path}")
            body = b"{}"
            for method in {method.upper() for method in resource.methods} - {"OPTIONS"}:
                sent = None if method == "GET" else body
                assert NOBODY in is_error(box.raw(method, path, sent, {"Content-Type": "application/json"}), 404)
        for tail in (NOBODY, "x", "self/x", f"senders/{NOBODY}/x", "Self", "single/senders/x/y/z"):
            is_error(box.get(f"/x-nmos/{name}/{version}/{tail}"), 404)
    is_error(camera.get(f"{box.url}/x-nmos/query"), 404)
    for path in ("/x-nmos/node/v1.9/self", "/x-nmos/node/v1.3x", "/x-nmos/connection/v2.0/", "/x-nmos/x"):
        is_error(box.get(path), 404)


def test_an_id_of_another_kind_is_404(box: Box) -> None:
    [device, *_] = box.json("/x-nmos/node/v1.3/devices")
    [sender, *_] = box.json("/x-nmos/node/v1.3/senders")
    is_error(box.get(f"/x-nmos/node/v1.3/senders/{device['id']}"), 404)
    is_error(box.get(f"/x-nmos/connection/v1.1/single/receivers/{sender['id']}/staged"), 404)
    is_error(box.patch(f"/x-nmos/connection/v1.1/single/receivers/{sender['id']}/staged", {}), 404)
    is_error(box.put(f"/x-nmos/node/v1.3/receivers/{sender['id']}/target", {}), 404)


def test_lists_and_singles_agree_and_refer_only_to_what_is_there(box: Box) -> None:
    for version in NODE_VERSIONS:
        base = f"/x-nmos/node/{version}"
        lists = {kind: box.json(f"{base}/{kind}") for kind in ("devices", "sources", "flows", "senders", "receivers")}
        ids = {kind: {resource["id"] for resource in resources} for kind, resources in lists.items()}
        for kind, resources in lists.items():
            for resource in resources:
                assert box.json(f"{base}/{kind}/{resource['id']}") == resource
                assert UUID(resource["id"]).version in range(1, 6)
        node_id = box.json(f"{base}/self")["id"]
        for device in lists["devices"]:
            assert device["node_id"] == node_id
            assert set(device["senders"]) <= ids["senders"]
            assert set(device["receivers"]) <= ids["receivers"]
        assert all(sender["flow_id"] in ids["flows"] for sender in lists["senders"])
        assert all(flow["source_id"] in ids["sources"] for flow in lists["flows"])
        for kind in ("sources", "senders", "receivers"):
            assert all(resource["device_id"] in ids["devices"] for resource in lists[kind])
    for kind in ("senders", "receivers"):
        for version in CONNECTION_VERSIONS:
            shown = box.json(f"/x-nmos/connection/{version}/single/{kind}/")
            known = box.json(f"/x-nmos/node/v1.3/{kind}")
            expected = known if version == "v1.1" else filter(is_rtp, known)
            assert {entry.rstrip("/") for entry in shown} == {resource["id"] for resource in expected}


def test_what_hrefs_say_leads_there(box: Box) -> None:
    node = box.json("/x-nmos/node/v1.3/self")
    for endpoint in node["api"]["endpoints"]:
        host = f"[{endpoint['host']}]" if ":" in endpoint["host"] else endpoint["host"]
        url = f"{endpoint['protocol']}://{host}:{endpoint['port']}/x-nmos/node/v1.3/self"
        assert box.host.get(url).json()["id"] == node["id"]
    for device in box.json("/x-nmos/node/v1.3/devices"):
        controls = [control for control in device["controls"] if "sr-ctrl" in control["type"]]
        assert {control["type"] for control in controls} == {
            f"urn:x-nmos:control:sr-ctrl/{version}" for version in CONNECTION_VERSIONS
        }
        for control in controls:
            assert box.host.get(control["href"]).json() == ["bulk/", "single/"]
    for sender in filter(is_rtp, box.json("/x-nmos/node/v1.3/senders")):
        answer = box.host.get(sender["manifest_href"])
        assert answer.headers["content-type"] == "application/sdp"
        path = f"/x-nmos/connection/v1.1/single/senders/{sender['id']}/transportfile"
        assert answer.body == box.get(path).body


# ---- AMWA's examples that are requests


def patches(version: str) -> Iterator[tuple[str, str, Any]]:
    for name, document in examples("is-05", version):
        for kind in ("sender", "receiver"):
            if f"{kind}-patch" in name:
                yield kind, name, document


def expected_of(kind: str, endpoint: dict[str, Any], takes: list[str], document: dict[str, Any]) -> tuple[int, str]:
    """What this box must answer: a status, a piece of the reason. ``takes``: the media types that a receiver takes."""
    legs, given = len(endpoint["staged"]["transport_params"]), document.get("transport_params")
    known = endpoint["constraints"][0]
    if foreign := [name for leg in given or [] for name in leg if name not in known]:
        return 400, f"{foreign[0]}: is not a parameter here"  # of another transport
    if given is not None and len(given) != legs:
        return 400, f"transport_params: has {len(given)} legs"
    if "transport_file" in document and "multicast_ip" not in endpoint["staged"]["transport_params"][0]:
        return 400, "transport_file"
    if "raw/90000" in document.get("transport_file", {}).get("data", "") and "video/raw" not in takes:
        return 400, "transport_file.data: "
    for constraints, leg in zip(endpoint["constraints"], given or [], strict=False):
        for name, value in leg.items():
            allowed = constraints[name].get("enum")
            if allowed is not None and value not in allowed:
                return 400, f"{name}: "
    mode = document.get("activation", {}).get("mode") or ""
    return 202 if "scheduled" in mode else 200, ""


@pytest.mark.parametrize("version", CONNECTION_VERSIONS)
def test_every_example_of_a_patch_is_taken_or_refused_with_its_reason(box: Box, version: str) -> None:
    base = f"/x-nmos/connection/{version}/single"
    schema = "{}-response-schema" if version == "v1.1" else "v1.0-{}-response-schema"
    outcomes: dict[int, int] = {}
    receivers = box.json("/x-nmos/node/v1.3/receivers")
    takes = {receiver["id"]: receiver["caps"]["media_types"] for receiver in receivers}
    for kind, name, document in patches(version):
        for id in box.json(f"{base}/{kind}s/"):
            one = f"{base}/{kind}s/{id.rstrip('/')}"
            before = {what: box.json(f"{one}/{what}") for what in ("staged", "active", "constraints")}
            status, reason = expected_of(kind, before, takes.get(id.rstrip("/"), []), document)
            answer = box.patch(f"{one}/staged", document)
            outcomes[status] = outcomes.get(status, 0) + 1
            if status == 400:
                assert reason in is_error(answer, 400), f"{name} to {one}"
                assert before == {what: box.json(f"{one}/{what}") for what in before}
                continue
            assert answer.status == status, f"{name} to {one}: {answer.body!r}"
            assert problems("is-05", version, schema.format(kind), with_cors(answer).json()) == []
            if status == 202 and "relative" in name:
                assert "pending" in is_error(box.patch(f"{one}/staged", document), 423)
            assert box.patch(f"{one}/staged", {"activation": {"mode": None}}).status == 200
    assert set(outcomes) == {200, 202, 400}, outcomes


@pytest.mark.parametrize("version", CONNECTION_VERSIONS)
@pytest.mark.parametrize("kind", ["sender", "receiver"])
def test_the_examples_of_bulk_requests_are_answered_item_by_item(box: Box, version: str, kind: str) -> None:
    prefix = "v1.0-" if version == "v1.0" else ""
    document = copy.deepcopy(dict(examples("is-05", version))[f"{prefix}bulk-{kind}-post"])
    bulk = f"/x-nmos/connection/{version}/bulk/{kind}s"

    def send() -> list[dict[str, Any]]:
        answer = with_cors(box.post(bulk, document))
        assert answer.status == 200, answer.body
        assert problems("is-05", version, f"{prefix}bulk-response-schema", answer.json()) == []
        return list(answer.json())

    assert [(item["id"], item["code"]) for item in send()] == [(item["id"], 404) for item in document]
    ids = [id.rstrip("/") for id in box.json(f"/x-nmos/connection/{version}/single/{kind}s/")]
    staged = f"/x-nmos/connection/{version}/single/{kind}s/{{}}/staged"
    pairs = [id for id in ids if len(box.json(staged.format(id))["transport_params"]) == 2]
    singles = [id for id in ids if id not in pairs]
    document[0]["id"], document[1]["id"] = singles[0], pairs[0]
    first, second = send()
    if kind == "sender":
        assert first["code"] == second["code"] == 400
        assert "fec_enabled: is not a parameter here" in first["error"]
    else:
        assert first["code"] == 400
        assert "transport_params: has 2 legs" in first["error"]
        assert second == {"id": pairs[0], "code": 202}
        assert box.patch(staged.format(pairs[0]), {"activation": {"mode": None}}).status == 200


@pytest.mark.parametrize("version", NODE_VERSIONS)
def test_the_examples_of_target_requests_connect_and_disconnect(box: Box, camera: Host, version: str) -> None:
    """The host of the example's manifest_href is put on the network, first without the file, then with one of audio."""
    sender = target_example(version)
    href = urlsplit(sender["manifest_href"])
    receivers = {receiver["label"]: receiver["id"] for receiver in box.json(f"/x-nmos/node/{version}/receivers")}
    target = f"/x-nmos/node/{version}/receivers/{receivers['Multicast only']}/target"
    assert href.hostname
    address = f"{href.hostname}/32"
    [file] = peer_documents("camera", camera.address()).files.values()
    camera.add_address("eth0", address)
    box.host.ip(f"route replace {href.hostname} dev eth0")
    with Peer(camera, f"camera-{version}", Documents({}, {}), port=href.port or 80) as peer:
        assert "404" in is_error(box.put(target, sender), 502)
        peer.serve(Documents({}, {href.path.rstrip("/"): file}))
        answer = with_cors(box.put(target, sender))
        assert answer.status == 202, answer.body
        assert answer.json() == sender  # its schema is that of the request, which the example of v1.0 is not valid by
        [shown] = [r for r in box.json(f"/x-nmos/node/{version}/receivers") if r["id"] == receivers["Multicast only"]]
        assert shown["subscription"]["sender_id"] == sender["id"]
        assert {request.path for request in peer.requests()} == {href.path}
    camera.del_address("eth0", address)
    box.host.ip(f"route del {href.hostname}")
    reason = is_error(box.put(target, sender), 502)
    assert href.hostname in reason
    answer = with_cors(box.put(target, {}))
    assert (answer.status, answer.json()) == (202, {})
    [shown] = [r for r in box.json(f"/x-nmos/node/{version}/receivers") if r["id"] == receivers["Multicast only"]]
    assert shown["subscription"]["sender_id"] is None


def target_example(version: str) -> dict[str, Any]:
    named = dict(examples("is-04", version))
    name = {
        "v1.0": "nodeapi-v1.0-receivertarget-put-request",
        "v1.1": "nodeapi-v1.1-senderid-get-200",
    }.get(version, "nodeapi-senderid-get-200")
    return dict(named[name])


def test_what_is_kept_outlives_the_power(box: Box) -> None:
    """Last in the file: identities, staged and active are the same after it, and versions do not go back."""
    kept = state_of(box)
    box.restart()
    after = state_of(box)
    for path, before in kept.items():
        assert stripped(after[path]) == stripped(before), path


def state_of(box: Box) -> dict[str, Any]:
    paths = [f"/x-nmos/node/v1.3/{kind}" for kind in ("devices", "sources", "flows", "senders", "receivers")]
    for kind in ("senders", "receivers"):
        for id in box.json(f"/x-nmos/connection/v1.1/single/{kind}/"):
            paths += [f"/x-nmos/connection/v1.1/single/{kind}/{id}{what}" for what in ("staged", "active")]
    return {path: box.json(path) for path in paths}


def stripped(document: Any) -> Any:
    """Without what a restart may well give anew: versions, and when the activation was."""
    text = json.dumps(document, sort_keys=True)
    return re.sub(r'"[0-9]{10}:[0-9]{1,9}"', '"time"', text)
