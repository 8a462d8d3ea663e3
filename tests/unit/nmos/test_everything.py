"""docs/examples/everything.toml: whatever it has, every API shows it as its version's schemas want it."""

import json
from functools import cache

import pytest

from appliance.config.loader import load
from appliance.core.types import JSON, Kind
from appliance.nmos.is04.project import VERSIONS, project
from appliance.nmos.is05.endpoint import API_VERSIONS
from tests.lan.box import CHECKOUT
from tests.support.specs import problems
from tests.unit.nmos.is05.boxes import Box


@cache
def everything() -> Box:
    return Box(load(CHECKOUT / "docs" / "examples" / "everything.toml"))


def shown(kind: Kind, version: str) -> list[JSON]:
    store = everything().store
    projected = (project(kind, body, version, store.get) for body in store.all(kind).values())
    return [body for body in projected if body is not None]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", list(Kind))
def test_the_node_api(kind: Kind, version: str) -> None:
    bodies = shown(kind, version)
    assert bodies
    assert [problem for body in bodies for problem in problems("is-04", version, kind.value, body)] == []


@pytest.mark.parametrize("version", VERSIONS[:-1])
def test_older_versions_name_no_event_sender_or_receiver(version: str) -> None:
    """v1.0 has no mux either."""
    newest = {body["id"] for kind in (Kind.SENDER, Kind.RECEIVER) for body in shown(kind, "v1.3")}
    here = {body["id"] for kind in (Kind.SENDER, Kind.RECEIVER) for body in shown(kind, version)}
    assert len(newest - here) == (22 if version == "v1.0" else 19)
    told = json.dumps([shown(kind, version) for kind in (Kind.NODE, Kind.DEVICE, Kind.SENDER, Kind.RECEIVER)])
    assert not [id for id in newest - here if id in told]


@pytest.mark.parametrize("version", API_VERSIONS)
@pytest.mark.parametrize("kind", [Kind.SENDER, Kind.RECEIVER])
def test_the_connection_api(kind: Kind, version: str) -> None:
    box = everything()
    prefix = "v1.0-" if version == "v1.0" else ""
    for id in box.get(f"/{version}/single/{kind.plural}"):
        path = f"/{version}/single/{kind.plural}/{id.rstrip('/')}"
        for what, schema in (("staged", f"{kind}-response"), ("active", f"{kind}-response"), ("constraints",) * 2):
            document = box.get(f"{path}/{what}")
            assert problems("is-05", version, f"{prefix}{schema}-schema", document) == []
    assert len(box.get(f"/{version}/single/{kind.plural}")) == len(shown(kind, "v1.3" if version == "v1.1" else "v1.2"))
