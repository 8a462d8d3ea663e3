"""Downgrading by taking keys away, and nothing else."""

import copy

import pytest

from appliance.core.types import JSON, Kind
from appliance.discovery.catalogue import Resource
from appliance.errors import BadRequest
from appliance.nmos.query.versions import read_downgrade, show
from tests.lan.documents import VERSIONS, cut_down, peer_documents

V1_3 = peer_documents("desk", "10.0.0.9", senders=1, receivers=1).node_api["v1.3"]


def resource(kind: Kind, body: JSON, version: str) -> Resource:
    return Resource(kind, body, version, "desk", 1, 1)


def bodies(version: str) -> dict[Kind, JSON]:
    resources = cut_down(V1_3, version)
    return {kind: resources["self"] if kind is Kind.NODE else resources[kind.plural][0] for kind in Kind}


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("theirs", VERSIONS)
@pytest.mark.parametrize("version", VERSIONS)
def test_every_kind_from_every_version_in_every_other(kind: Kind, theirs: str, version: str) -> None:
    body = bodies(theirs)[kind]
    before = copy.deepcopy(body)
    shown = show(resource(kind, body, theirs), version, version)
    assert shown == (None if theirs < version else bodies(version)[kind])
    assert show(resource(kind, body, theirs), version, "v1.0") == (body if theirs < version else shown)
    assert body == before, "what is committed is never changed"


def test_a_downgrade_goes_as_far_as_it_says() -> None:
    body = bodies("v1.1")[Kind.SENDER]
    assert show(resource(Kind.SENDER, body, "v1.1"), "v1.3", "v1.2") is None
    assert show(resource(Kind.SENDER, body, "v1.1"), "v1.3", "v1.1") is body


def test_keys_inside_lists_and_objects_go_too() -> None:
    node = {"services": [{"href": "x", "type": "y", "authorization": False}, 5], "interfaces": "?", "vendor": 1}
    assert show(resource(Kind.NODE, node, "v1.3"), "v1.2", "v1.2") == {
        "services": [{"href": "x", "type": "y"}, 5],
        "interfaces": "?",
        "vendor": 1,
    }


def test_only_within_one_major_version() -> None:
    assert read_downgrade("v1.0", "v1.3") == "v1.0"
    for wrong in ("v2.0", "1.0", "v1", "", 5, None):
        with pytest.raises(BadRequest, match=r"query\.downgrade"):
            read_downgrade(wrong, "v1.3")
