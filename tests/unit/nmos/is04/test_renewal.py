"""Another configuration in steps: each of them leaves something whole, and the last what the configuration says."""

from collections.abc import Iterator
from dataclasses import replace

from appliance.config.model import Config, DeviceConfig, NodeConfig, ReceiverConfig, SenderConfig
from appliance.core.types import JSON, Kind
from appliance.nmos.is04 import renewal
from appliance.nmos.is04.build import Host, Unit
from appliance.nmos.is05.endpoint import Endpoint, endpoints
from tests.unit.nmos.is05.boxes import IDENTITIES, TWO_PORTS, Box, receiver_id

HOST = Host("box", ("10.0.0.1",), 8080, TWO_PORTS)
MANY = 20


def config(devices: str, senders: dict[str, str], receivers: dict[str, str], label: str = "") -> Config:
    """``devices``: a name a letter; the others by name, with their device."""
    return Config(
        node=NodeConfig(label=label or None),
        devices=tuple(DeviceConfig(name) for name in devices),
        senders=tuple(SenderConfig(name, device) for name, device in senders.items()),
        receivers=tuple(ReceiverConfig(name, device, label=label) for name, device in receivers.items()),
    )


BEFORE = config("ab", {f"s{n}": "a" for n in range(MANY)}, {f"r{n}": "b" for n in range(MANY)})
AFTER = config(
    "bc", {f"s{n}": "c" for n in range(MANY // 2, 2 * MANY)}, {f"r{n}": "bc"[n % 2] for n in range(0, 2 * MANY, 3)}, "X"
)


def renewed(box: Box, wanted: Config) -> Iterator[renewal.Step]:
    """As edge/reconfiguring.py does; after each step."""
    now = {endpoint.id: endpoint for endpoint in endpoints(box.config, IDENTITIES)}
    plan = renewal.plan(box.builder, wanted, wanted, IDENTITIES, now)
    units: list[Unit] = [unit for found in renewal.different(plan, box.store, HOST, now) for unit in found]
    for step in renewal.steps(plan, box.store, units, now):
        with box.store.transaction("reload") as tx:
            renewal.write(plan, tx, step, HOST)
            box.connections.reconfigure(tx, step.endpoints)
        yield step
    box.config = wanted


def bodies(box: Box) -> dict[Kind, dict[str, JSON]]:
    return {
        kind: {id: {key: value for key, value in body.items() if key != "version"} for id, body in every.items()}
        for kind in Kind
        for every in (box.store.all(kind),)
    }


def check_whole(box: Box, there: tuple[Endpoint, ...]) -> None:
    store = box.store
    for key, kind in (("senders", Kind.SENDER), ("receivers", Kind.RECEIVER)):
        of_device = {id: body["device_id"] for id, body in store.all(kind).items()}
        listed = {id: device["id"] for device in store.all(Kind.DEVICE).values() for id in device[key]}
        assert listed == of_device
        assert set(of_device) == {endpoint.id for endpoint in there if endpoint.kind is kind}
        for id in of_device:
            assert box.ask("GET", f"/v1.1/single/{key}/{id}/active").status == 200
    for sender in store.all(Kind.SENDER).values():
        flow = store.all(Kind.FLOW)[sender["flow_id"]]
        assert flow["source_id"] in store.all(Kind.SOURCE)


def test_at_each_step_all_is_whole_and_at_the_end_as_if_it_had_been_so_from_the_start() -> None:
    box, fresh = Box(BEFORE), Box(AFTER)
    count = 0
    for step in renewed(box, AFTER):
        check_whole(box, step.endpoints)
        count += 1
    assert count > 5
    assert {kind: set(every) for kind, every in bodies(box).items()} == {
        kind: set(every) for kind, every in bodies(fresh).items()
    }
    for kind in (Kind.NODE, Kind.DEVICE, Kind.SOURCE, Kind.FLOW):
        assert bodies(box)[kind] == bodies(fresh)[kind]
    order = [endpoint.id for endpoint in endpoints(AFTER, IDENTITIES)]
    assert [*box.connections.all(Kind.SENDER), *box.connections.all(Kind.RECEIVER)] == order


def test_of_each_sender_and_receiver_there_is_the_old_or_the_new() -> None:
    box = Box(BEFORE)
    seen = {receiver["label"] for step in renewed(box, AFTER) for receiver in box.store.all(Kind.RECEIVER).values()}
    assert seen == {"X", *(f"r{n}" for n in range(MANY))}


def test_what_is_little_is_one_step_and_what_is_equal_is_none() -> None:
    box = Box(BEFORE)
    box.changes.clear()
    assert [step.endpoints for step in renewed(box, BEFORE)] == [endpoints(BEFORE, IDENTITIES)]
    assert box.changes == []
    more = replace(BEFORE, receivers=(*BEFORE.receivers[1:], ReceiverConfig("new", "a")))
    (step,) = renewed(box, more)
    assert step.complete
    (change,) = box.changes
    assert {each.id for each in change.resources} == {
        receiver_id("r0"), receiver_id("new"), IDENTITIES.of(Kind.DEVICE, "a"), IDENTITIES.of(Kind.DEVICE, "b")
    }  # fmt: skip


def test_what_was_activated_while_it_was_looked_at_stays() -> None:
    box = Box(BEFORE)
    wanted = replace(BEFORE, receivers=tuple(replace(one, label="X") for one in BEFORE.receivers))
    going = renewed(box, wanted)
    next(going)
    last = receiver_id(f"r{MANY - 1}")
    active = {"master_enable": True, "activation": {"mode": "activate_immediate"}}
    assert box.ask("PATCH", f"/v1.1/single/receivers/{last}/staged", active).status == 200
    for _ in going:
        pass
    body = box.store.all(Kind.RECEIVER)[last]
    assert (body["label"], body["subscription"]["active"]) == ("X", True)
