"""PUT /receivers/{id}/target: what each version of IS-04 makes mandatory, and one error that names the key."""

from typing import Any

import pytest

from appliance.core.types import JSON
from appliance.errors import BadRequest
from appliance.nmos.is04.project import VERSIONS
from appliance.nmos.is04.target import check
from tests.support.specs import examples, problems, recorded_documents

ID = "11111111-1111-4111-8111-111111111111"
SENDER: JSON = {
    "id": ID,
    "version": "50:50",
    "label": "",
    "description": "",
    "tags": {"urn:x-nmos:tag:grouphint/v1.0": ["a:b"]},
    "flow_id": ID,
    "transport": "urn:x-nmos:transport:rtp.mcast",
    "device_id": ID,
    "manifest_href": "http://10.0.0.9/x.sdp",
    "caps": {},
    "interface_bindings": ["eth0"],
    "subscription": {"receiver_id": None, "active": True},
    "more": 1,
}
MANDATORY = {
    "v1.0": {"id", "label", "description", "flow_id", "transport", "device_id", "manifest_href"},
    "v1.1": {"version", "tags"},
    "v1.2": {"interface_bindings", "subscription"},
    "v1.3": set(),
}


def refusal(body: Any, version: str) -> str:
    with pytest.raises(BadRequest) as error:
        check(body, version)
    return error.value.message


@pytest.mark.parametrize("version", VERSIONS)
def test_a_sender_and_nothing_are_accepted(version: str) -> None:
    assert problems("is-04", version, "nodeapi-receiver-target", SENDER) == []
    check(SENDER, version)
    check({}, version)


def test_amwas_examples_are_accepted() -> None:
    check(dict(examples("is-04", "v1.0"))["nodeapi-v1.0-receivertarget-put-request"], "v1.0")
    for version in VERSIONS[1:]:
        names = [name for name, _ in examples("is-04", version) if name.endswith("senderid-get-200")]
        for name in names:
            check(dict(examples("is-04", version))[name], version)
        assert names


@pytest.mark.parametrize("version", VERSIONS)
def test_another_vendors_rtp_senders_are_accepted(version: str) -> None:
    senders = recorded_documents("nmos-cpp-node", "node", version)["senders"]
    rtp = [sender for sender in senders if ":rtp" in sender["transport"]]
    assert rtp
    for sender in rtp:
        check(sender, version)


@pytest.mark.parametrize("version", VERSIONS)
def test_what_is_mandatory_in_a_version_is_asked_for(version: str) -> None:
    mandatory = set().union(*(keys for added, keys in MANDATORY.items() if added <= version))
    for key in SENDER:
        body = {name: value for name, value in SENDER.items() if name != key}
        if key in mandatory:
            assert refusal(body, version) == f"{key}: is needed"
        else:
            check(body, version)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"id": "x"}, "id: must be a UUID"),
        ({"id": None}, "id: must be string"),
        ({"version": "now"}, "version: must be <seconds>:<nanoseconds>"),
        ({"label": 5}, "label: must be string"),
        ({"tags": {"x": "y"}}, "tags.x: must be array"),
        ({"tags": {"x": [1]}}, "tags.x[0]: must be string"),
        ({"flow_id": "x"}, "flow_id: must be a UUID"),
        ({"transport": "rtp"}, "transport: must be a URN or URI"),
        ({"manifest_href": "x.sdp"}, "manifest_href: must be an absolute URL"),
        ({"manifest_href": "http://[/"}, "manifest_href: must be an absolute URL"),
        ({"interface_bindings": "eth0"}, "interface_bindings: must be array"),
        ({"subscription": {}}, "subscription.receiver_id: is needed"),
        ({"subscription": {"receiver_id": None, "active": "yes"}}, "subscription.active: must be boolean"),
    ],
)
def test_one_error_names_the_key(change: JSON, error: str) -> None:
    assert refusal(SENDER | change, "v1.3").startswith(error)


def test_only_v1_3_knows_senders_without_a_transport_file() -> None:
    check(SENDER | {"manifest_href": None}, "v1.3")
    assert refusal(SENDER | {"manifest_href": None}, "v1.2") == "manifest_href: must be string"


@pytest.mark.parametrize("body", [[], None, "x", 5, [SENDER]])
def test_anything_else_is_refused(body: Any) -> None:
    assert refusal(body, "v1.3") == "the body must be object"
