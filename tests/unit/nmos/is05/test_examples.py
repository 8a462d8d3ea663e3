"""AMWA's examples: every request among them is accepted or refused as it should be, every answer can be one of ours.

The hosts of the examples are other ones: the box here has their addresses, and one and two legs to patch.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from appliance.config.model import Config, DeviceConfig, Format, LegConfig, ReceiverConfig, SenderConfig
from appliance.core.types import JSON, Kind
from tests.support.specs import examples, problems
from tests.unit.network.hosts import host, interface
from tests.unit.nmos.is05.boxes import NO_ACTIVATION, Box, receiver_id, sender_id

VERSIONS = ("v1.0", "v1.1")
STATE = host(
    interface("eth0", "192.168.200.10/24", "192.168.200.15/24", index=2),
    interface("eth1", "192.168.210.10/24", "192.168.210.15/24", index=3),
)
# GStreamer takes nothing interlaced, as the pictures of the examples are.
_VIDEO = ReceiverConfig("one", "box", format=Format.VIDEO, media_types=("video/raw",), driver="null")
CONFIG = Config(
    devices=(DeviceConfig("box"),),
    senders=(SenderConfig("one", "box"), SenderConfig("two", "box", legs=(LegConfig(), LegConfig()))),
    receivers=(_VIDEO, replace(_VIDEO, name="two", legs=(LegConfig(), LegConfig()))),
)


def requests() -> Iterator[tuple[str, str, str, Any]]:
    for version in VERSIONS:
        for name, document in examples("is-05", version):
            for kind in ("sender", "receiver"):
                if f"{kind}-patch" in name:
                    yield version, kind, name, document


@pytest.mark.parametrize(("version", "kind", "name", "document"), list(requests()), ids=lambda value: str(value)[:50])
def test_patch_requests_are_accepted(version: str, kind: str, name: str, document: JSON) -> None:
    box = Box(CONFIG, state=STATE)
    legs = "two" if "redundant" in name else "one"
    id = sender_id(legs) if kind == "sender" else receiver_id(legs)
    answer = box.patch(Kind(kind), id, document, version)
    mode = document.get("activation", NO_ACTIVATION)["mode"]
    assert answer.status == (202 if mode and "scheduled" in mode else 200), answer.body
    for key in ("sender_id", "receiver_id", "master_enable", "transport_file"):
        if key in document:
            assert answer.body[key] == document[key]
    for given, staged in zip(document.get("transport_params", []), answer.body["transport_params"], strict=False):
        assert staged == {**staged, **given}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("legs", ["one", "two"])
def test_patch_requests_for_another_number_of_legs_are_refused(version: str, legs: str) -> None:
    box = Box(CONFIG, state=STATE)
    for of_version, kind, name, document in requests():
        count = len(document.get("transport_params", []))
        if of_version == version and count and (count == 2) != (legs == "two"):
            id = sender_id(legs) if kind == "sender" else receiver_id(legs)
            answer = box.patch(Kind(kind), id, document, version)
            assert answer.status == 400, name
            assert "legs" in answer.body["error"]
    assert box.changes == []


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", ["sender", "receiver"])
def test_bulk_requests_are_accepted_and_each_item_is_answered(version: str, kind: str) -> None:
    """The ids are of other boxes; with ours in their place, senders say that they have no FEC and RTCP to switch on."""
    prefix = "v1.0-" if version == "v1.0" else ""
    document = dict(examples("is-05", version))[f"{prefix}bulk-{kind}-post"]
    box = Box(CONFIG, state=STATE)
    answer = box.ask("POST", f"/{version}/bulk/{kind}s", document)
    assert answer.status == 200
    assert [entry["code"] for entry in answer.body] == [404, 404]
    ours = sender_id("two") if kind == "sender" else receiver_id("two")
    for entry in document:
        box = Box(CONFIG, state=STATE)
        [result] = box.ask("POST", f"/{version}/bulk/{kind}s", [{**entry, "id": ours}]).body
        if kind == "sender":
            assert result["code"] == 400
            assert result["error"].startswith("transport_params[0].fec_enabled: is not a parameter here")
        else:
            assert result == {"id": ours, "code": 202}


@pytest.mark.parametrize("version", VERSIONS)
def test_error_examples_have_the_form_of_ours(version: str) -> None:
    box = Box(CONFIG, state=STATE)
    ours = box.patch(Kind.SENDER, sender_id("one"), {"bad": 1}, version).body
    prefix = "v1.0-" if version == "v1.0" else ""
    for name in ("stage-fail", "stage-error", "bulk-post-fail"):
        theirs = dict(examples("is-05", version))[prefix + name]
        assert theirs.keys() == ours.keys()
    assert problems("is-05", version, "error", ours) == []
