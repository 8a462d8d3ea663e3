"""The Node API over a store built from a configuration: every answer is valid by AMWA's schema of its version."""

import json
import uuid
from dataclasses import replace
from typing import Any

import pytest

from appliance.config.default import default_config
from appliance.config.model import Config, DeviceConfig, NodeConfig, ReceiverConfig, SenderConfig
from appliance.core.ids import Identities
from appliance.core.store import Store
from appliance.core.types import Kind
from appliance.edge.server import call_bottle
from appliance.network.model import Address, Interface, NetworkState
from appliance.nmos.is04.api import NodeApi
from appliance.nmos.is04.build import Builder, Host
from appliance.nmos.is04.edits import LABEL_ASPECT
from appliance.nmos.is04.project import VERSIONS
from appliance.nmos.is04.tags import GROUP_HINT
from appliance.web.messages import Answer, Request
from appliance.web.site import Site
from tests.support.clock import FakeClock
from tests.support.specs import problems

IDS = Identities(uuid.UUID("6f6cf5b8-7b0e-4b38-b7c4-2f6ef77e9a5b"))
ETH0 = Interface("eth0", 2, "02:00:00:AA:00:01", True, True, False, True, 1500, 1000,
                 (Address("10.1.0.2", 24), Address("fd00::2", 64)))  # fmt: skip
ETH1 = Interface("eth1", 3, "02:00:00:AA:00:02", True, True, False, True, 1500, 1000, (Address("10.2.0.2", 24),))
LO = Interface("lo", 1, None, True, True, True, False, 65536, None, (Address("127.0.0.1", 8),))


def host(*interfaces: Interface) -> Host:
    network = NetworkState({i.name: i for i in (LO, *interfaces)}, media=tuple(i.name for i in interfaces))
    addresses = tuple(address.ip for interface in interfaces for address in interface.addresses)
    return Host("studio-1", addresses, 8080, network)


class Node:
    """A Node API with nothing else around it."""

    def __init__(self, config: Config | None = None) -> None:
        self.config = config or default_config()
        self.store = Store(FakeClock())
        self.builder = Builder(self.config, IDS)
        self.builder.populate(self.store, host(ETH0, ETH1), "start")
        self.store.reset_counters()
        self.site = Site()
        self.api = NodeApi(self.store, self.config.discovery.api_versions, lambda id, request: Answer({}, 202))
        self.api.mount(self.site)
        self.store.subscribe(self.api.on_change)

    def get(self, path: str, method: str = "GET", body: bytes = b"") -> tuple[int, Any]:
        answer = call_bottle(self.site, Request(method, path, body=body))
        assert isinstance(answer, Answer)
        return answer.status, json.loads(answer.payload())


@pytest.mark.parametrize("version", VERSIONS)
def test_every_path_answers_with_what_the_schema_of_its_version_admits(version: str) -> None:
    node = Node()
    base = f"/x-nmos/node/{version}"
    assert node.get("/x-nmos/node/") == (200, [f"{v}/" for v in VERSIONS])
    assert problems("is-04", version, "nodeapi-base", node.get(f"{base}/")[1]) == []
    assert problems("is-04", version, "node", node.get(f"{base}/self")[1]) == []
    for kind in Kind:
        if kind is Kind.NODE:
            continue
        status, bodies = node.get(f"{base}/{kind.plural}")
        assert status == 200
        assert bodies
        assert problems("is-04", version, kind.plural, bodies) == []
        for body in bodies:
            assert node.get(f"{base}/{kind.plural}/{body['id']}/") == (200, body)


def test_versions_that_are_not_configured_are_not_there() -> None:
    config = default_config()
    node = Node(replace(config, discovery=replace(config.discovery, api_versions=("v1.3",))))
    assert node.get("/x-nmos/node") == (200, ["v1.3/"])
    assert node.get("/x-nmos/node/v1.2/self")[0] == 404
    assert node.get("/x-nmos/node/v1.3/self")[1]["api"]["versions"] == ["v1.3"]


@pytest.mark.parametrize("path", ["/x-nmos/node/v1.3/senders/nobody", "/x-nmos/node/v9.9/self", "/x-nmos/node/v1.3/x"])
def test_what_is_not_there_is_404(path: str) -> None:
    status, body = Node().get(path)
    assert status == 404
    assert problems("is-04", "v1.3", "error", body) == []


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_the_node_api_is_read_only(method: str) -> None:
    assert Node().get("/x-nmos/node/v1.3/self", method)[0] == 405


def test_real_interfaces_and_addresses_are_told() -> None:
    _, body = Node().get("/x-nmos/node/v1.3/self")
    assert body["href"] == "http://10.1.0.2:8080/"
    assert [e["host"] for e in body["api"]["endpoints"]] == ["10.1.0.2", "fd00::2", "10.2.0.2"]
    assert [(i["name"], i["port_id"]) for i in body["interfaces"]] == [
        ("eth0", "02-00-00-aa-00-01"), ("eth1", "02-00-00-aa-00-02"),
    ]  # fmt: skip
    _, devices = Node().get("/x-nmos/node/v1.3/devices")
    hrefs = {control["href"] for control in devices[0]["controls"]}
    assert "http://[fd00::2]:8080/x-nmos/connection/v1.1/" in hrefs


def test_an_address_that_moves_changes_what_names_it_and_nothing_else() -> None:
    node = Node()
    changes: list[set[Kind]] = []
    node.store.subscribe(lambda change: changes.append(set(change.kinds())))
    for _ in node.builder.rehome(node.store, host(ETH0, ETH1), "the same"):
        pass
    assert changes == []
    moved = host(replace(ETH0, addresses=(Address("10.1.0.9", 24),)), ETH1)
    for _ in node.builder.rehome(node.store, moved, "address"):
        pass
    assert changes == [{Kind.NODE}, {Kind.DEVICE}, {Kind.SENDER}]
    assert node.get("/x-nmos/node/v1.3/self")[1]["href"] == "http://10.1.0.9:8080/"
    changes.clear()
    node.builder.populate(node.store, moved, "all anew")
    assert changes == [], "the same as if all were made anew"


def test_what_an_activation_set_outlives_a_rebuild() -> None:
    node = Node()
    [sender] = node.store.all(Kind.SENDER)
    with node.store.transaction("activation") as tx:
        tx.update(Kind.SENDER, sender, subscription={"receiver_id": None, "active": True}, interface_bindings=["eth1"])
    node.builder.populate(node.store, host(ETH0), "unplugged")
    body = node.store.all(Kind.SENDER)[sender]
    assert body["subscription"]["active"] is True
    assert body["interface_bindings"] == ["eth1"]


def test_a_label_edited_at_the_box_wins_over_the_configured_one() -> None:
    node = Node()
    [receiver] = node.store.all(Kind.RECEIVER)
    with node.store.transaction("label") as tx:
        tx.attach(LABEL_ASPECT, receiver, {"label": "Foyer"})
    node.builder.populate(node.store, host(ETH0, ETH1), "label")
    assert node.get(f"/x-nmos/node/v1.3/receivers/{receiver}")[1]["label"] == "Foyer"


def test_group_hints_are_unique_in_a_device_and_configurable() -> None:
    config = Config(
        node=NodeConfig(tags={"urn:x:site": ("north",)}),
        devices=(DeviceConfig("stage: left", label="Stage"),),
        senders=(
            SenderConfig("one", device="stage: left", label="First"),
            SenderConfig("two", device="stage: left", group_hint="Mics:2"),
        ),
        receivers=(ReceiverConfig("in", device="stage: left"),),
    )
    node = Node(config)
    hints = [body["tags"][GROUP_HINT] for body in node.store.all(Kind.SENDER).values()]
    assert hints == [["stage  left:one"], ["Mics:2"]]
    assert node.store.node["tags"]["urn:x:site"] == ["north"]


def test_a_role_that_its_group_has_already_is_numbered() -> None:
    config = Config(
        devices=(DeviceConfig("a"),),
        senders=(SenderConfig("pair", device="a"), SenderConfig("other", device="a")),
        receivers=(ReceiverConfig("pair", device="a"), ReceiverConfig("3", device="a", group_hint="a:pair 2:device")),
    )
    store = Node(config).store
    bodies = [*store.all(Kind.SENDER).values(), *store.all(Kind.RECEIVER).values()]
    assert [body["tags"][GROUP_HINT] for body in bodies] == [["a:pair"], ["a:other"], ["a:pair 3"], ["a:pair 2:device"]]


def test_asset_information_is_on_the_node_and_unique_on_each_device() -> None:
    config = Config(
        node=NodeConfig(manufacturer="Example", product="Converter", serial_number="42"),
        devices=(DeviceConfig("a"), DeviceConfig("b", function=("Monitor",)), DeviceConfig("c")),
        senders=(SenderConfig("out", device="a"),),
        receivers=(ReceiverConfig("in", device="a"),),
    )
    store = Node(config).store
    asset = "urn:x-nmos:tag:asset:"
    assert store.node["tags"] == {
        f"{asset}manufacturer/v1.0": ["Example"],
        f"{asset}product/v1.0": ["Converter"],
        f"{asset}instance-id/v1.0": ["42"],
    }
    devices = [body["tags"] for body in store.all(Kind.DEVICE).values()]
    assert [tags[f"{asset}instance-id/v1.0"] for tags in devices] == [["42/a"], ["42/b"], ["42/c"]]
    assert [tags[f"{asset}function/v1.0"] for tags in devices] == [["Sender", "Receiver"], ["Monitor"], ["Device"]]
    unnamed = Node().store.node
    assert unnamed["tags"][f"{asset}instance-id/v1.0"] == [unnamed["id"]]


def test_what_left_the_configuration_leaves_the_store() -> None:
    node = Node()
    smaller = Builder(replace(node.config, senders=()), IDS)
    smaller.populate(node.store, host(ETH0, ETH1), "reload")
    assert not node.store.all(Kind.SENDER)
    assert not node.store.all(Kind.FLOW)
    assert node.get("/x-nmos/node/v1.3/senders") == (200, [])
    assert next(iter(node.store.all(Kind.DEVICE).values()))["senders"] == []


def test_what_is_warmed_up_is_what_would_have_been_answered_whatever_changes_meanwhile() -> None:
    config = Config(
        devices=(DeviceConfig("a"),),
        senders=tuple(SenderConfig(f"s{number}", "a") for number in range(50)),
        receivers=tuple(ReceiverConfig(f"r{number}", "a") for number in range(50)),
    )
    warm, cold = Node(config), Node(config)
    ids = list(warm.store.all(Kind.SENDER))
    steps = warm.api.warm_up()
    for number, _ in enumerate(steps):
        for node in (warm, cold):
            with node.store.transaction("a label") as tx:
                tx.update(Kind.SENDER, ids[(number * 7) % 50], label=f"renamed {number}")
    for kind in ("senders", "receivers", "sources", "flows", "devices"):
        answered = warm.get(f"/x-nmos/node/v1.3/{kind}")
        assert answered == cold.get(f"/x-nmos/node/v1.3/{kind}")
        assert len(answered[1]) == (1 if kind == "devices" else 50)


def test_a_list_that_is_kept_follows_what_comes_and_goes() -> None:
    def config(*names: str) -> Config:
        return Config(devices=(DeviceConfig("a"),), senders=tuple(SenderConfig(name, "a") for name in names))

    node = Node(config("one", "two"))
    for version in ("v1.0", "v1.3"):
        assert len(node.get(f"/x-nmos/node/{version}/senders")[1]) == 2
    Builder(config("two", "three", "four"), IDS).populate(node.store, host(ETH0, ETH1), "reload")
    for kind in (Kind.SENDER, Kind.FLOW, Kind.SOURCE, Kind.DEVICE):
        there = node.store.all(kind)
        assert node.get(f"/x-nmos/node/v1.3/{kind.plural}") == (200, list(there.values()))
        assert [each["id"] for each in node.get(f"/x-nmos/node/v1.0/{kind.plural}")[1]] == list(there)
