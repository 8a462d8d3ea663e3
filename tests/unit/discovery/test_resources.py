"""Reading what peers answer: AMWA's examples and a real product without complaint, rubbish with a reason."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.core.types import Kind
from appliance.discovery.documents import read_list, read_object
from appliance.discovery.intake import read_table
from appliance.discovery.limits import DEFAULT_LIMITS, Limits
from appliance.discovery.peer import LeftOut
from appliance.discovery.resources import endpoint_hosts, fault
from appliance.errors import BadRequest
from tests.lan.documents import peer_documents
from tests.support.specs import examples, recorded_documents

VERSIONS = ("v1.0", "v1.1", "v1.2", "v1.3")
NODE = peer_documents("desk", "10.0.0.2").node_api["v1.3"]


def table(kind: Kind, body: Any, limits: Limits = DEFAULT_LIMITS) -> tuple[dict[str, Any], LeftOut | None]:
    reading = read_table(kind, body if isinstance(body, bytes) else json.dumps(body).encode(), {}, limits)
    while True:
        try:
            next(reading)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_real_product_is_read_without_complaint(version: str) -> None:
    documents = recorded_documents("nmos-cpp-node", "node", version)
    for kind in Kind:
        found, left_out = table(kind, documents[kind.path])
        assert left_out is None
        assert len(found) == (1 if kind is Kind.NODE else len(documents[kind.path]))


@pytest.mark.parametrize("version", VERSIONS)
def test_amwas_examples_are_read_without_complaint(version: str) -> None:
    kinds = {f"nodeapi-{infix}{kind.path}-get-200": kind for kind in Kind for infix in ("", f"{version}-")}
    read = 0
    for name, document in examples("is-04", version):
        if name in kinds:
            assert table(kinds[name], document)[1] is None, name
            read += 1
    assert read == len(Kind)


@pytest.mark.parametrize(
    ("kind", "change", "reason"),
    [
        (Kind.SENDER, {"id": "one"}, "id must be a UUID"),
        (Kind.SENDER, {"version": 1}, "version must be <seconds>:<nanoseconds>"),
        (Kind.SENDER, {"label": None}, "label must be a string"),
        (Kind.SENDER, {"device_id": None}, "device_id must be a UUID"),
        (Kind.SENDER, {"flow_id": 3}, "flow_id must be a UUID or null"),
        (Kind.SENDER, {"manifest_href": ["x"]}, "manifest_href must be a string or null"),
        (Kind.SENDER, {"subscription": {"active": "yes"}}, "subscription must be an object whose active is"),
        (Kind.SENDER, {"tags": {"a": "b"}}, "tags must be an object of lists of strings"),
        (Kind.SENDER, {"description": "x" * 5000}, "a string of 5000 characters is longer than 4096"),
        (Kind.SENDER, {"caps": {"a": ["\ud800"]}}, "half of a surrogate pair"),
        (Kind.SENDER, {"\ud800": 1}, "half of a surrogate pair"),
        (Kind.NODE, {"api": {"endpoints": [{"host": 1, "port": 80, "protocol": "http"}]}}, "api must be"),
        (Kind.NODE, {"api": {"endpoints": [{"host": "a", "port": True, "protocol": "http"}]}}, "api must be"),
        (Kind.DEVICE, {"controls": [{"href": 1, "type": "a"}]}, "controls must be"),
        (Kind.SOURCE, {"channels": ["L", "R"]}, "channels must be"),
        (Kind.FLOW, {"source_id": "x"}, "source_id must be a UUID"),
    ],
)
def test_the_key_is_named(kind: Kind, change: dict[str, Any], reason: str) -> None:
    good = NODE["self"] if kind is Kind.NODE else NODE[kind.path][0]
    assert fault(kind, good, 4096) is None
    assert reason in (fault(kind, {**good, **change}, 4096) or "")


@pytest.mark.parametrize("body", [None, 1, "x", [], True])
def test_what_is_no_object(body: Any) -> None:
    assert fault(Kind.SENDER, body, 4096) == "a sender must be an object"


def test_what_is_missing() -> None:
    assert fault(Kind.SENDER, {}, 4096) == "id is missing"


def test_deep_nesting() -> None:
    deep: Any = []
    for _ in range(50):
        deep = [deep]
    assert "nested" in (fault(Kind.SENDER, {**NODE["senders"][0], "deep": deep}, 4096) or "")


def test_a_resource_that_is_too_large() -> None:
    sender = {**NODE["senders"][0], "x": ["y" * 100] * 10}
    found, left_out = table(Kind.SENDER, [sender, NODE["senders"][0]], Limits(resource_chars=1000))
    assert len(found) == 1
    assert left_out is not None
    assert "characters, more than 1000" in left_out.reason


def test_what_is_unchanged_stays_the_same_object() -> None:
    known, _ = table(Kind.SENDER, NODE["senders"])
    reading = read_table(Kind.SENDER, json.dumps(NODE["senders"]).encode(), known, DEFAULT_LIMITS)
    with pytest.raises(StopIteration) as end:
        next(reading)
    again, _ = end.value.value
    id = NODE["senders"][0]["id"]
    assert again[id] is known[id]


def test_the_hosts_that_a_node_names() -> None:
    assert endpoint_hosts({"api": {"endpoints": [{"host": "A.local"}, {"host": "10.0.0.2"}]}}) == {
        "a.local",
        "10.0.0.2",
    }
    assert endpoint_hosts({}) == frozenset()


# ---- JSON


@pytest.mark.parametrize(
    "text", ["[]", " [ ] ", "[1]", '[{"a": [1, 2]}, null, "x" , 1.5]', "\n[\t{}\r]\n", "\ufeff[1]", "[[],[[]]]"]
)
def test_lists(text: str) -> None:
    assert [value for value, _ in read_list(text.encode())] == json.loads(text.removeprefix("\ufeff"))


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{}", b"[", b"[1", b"[1,", b"[1,]", b"[1 2]", b"[]x", b"[\xff]", b"[NaN]", b"null"),
        *(b"[" * 100_000, b"[" + b"1" * 5000 + b"]", b"[1e999999x]", b'["\x01"]'),
    ],
)
def test_what_is_no_list(body: bytes) -> None:
    with pytest.raises(BadRequest):
        list(read_list(body))


@pytest.mark.parametrize("body", [b"", b"{", b"{}{}", b"\xff", b"{'a': 1}", b'{"a": Infinity}', b"[" * 100_000])
def test_what_is_no_object_at_all(body: bytes) -> None:
    with pytest.raises(BadRequest):
        read_object(body)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
)


@given(st.lists(_JSON, max_size=6), st.sampled_from([None, 1]))
def test_lists_are_read_as_json_reads_them(values: list[Any], indent: int | None) -> None:
    assert [value for value, _ in read_list(json.dumps(values, indent=indent).encode())] == values


@given(_JSON, st.sampled_from(list(Kind)))
def test_no_value_makes_the_check_fail(value: Any, kind: Kind) -> None:
    fault(kind, value, 100)
    fault(kind, {"id": value, "api": value, "controls": value, "tags": value}, 100)
