"""What is read is what was written, and what is equal in it is one object."""

import json
from typing import Any

import cbor2
import pytest

from appliance.core.sharing import Sharing


def test_equal_objects_lists_and_texts_are_one() -> None:
    sender = {
        "label": "Out",
        "tags": {"group": ["Device:Out"]},
        "caps": {},
        "legs": [{"port": "auto"}, {"port": "auto"}],
    }
    sharing = Sharing()
    first, second = sharing.read_cbor(cbor2.dumps([sender, {**sender, "label": "In"}]))
    assert (first["legs"], second["label"]) == (sender["legs"], "In")
    assert first["tags"] is second["tags"]
    assert first["caps"] is second["caps"]
    assert first["legs"] is second["legs"]
    assert first["legs"][0] is first["legs"][1]
    later = sharing.read_cbor(cbor2.dumps([{"legs": [["auto", "Device:Out"]], "label": "Out"}]))[0]
    assert later["label"] is first["label"]
    assert later["legs"][0][0] is first["legs"][0]["port"]
    assert next(iter(later)) is list(first)[3]


@pytest.mark.parametrize(
    "value",
    [
        [{"a": True}, {"a": 1}, {"a": 1.0}, {"a": 0.0}, {"a": -0.0}, {"a": None}, {"a": "1"}, {"a": False}, {"a": 0}],
        [{"a": [1, True]}, {"a": [True, 1]}, {"a": [[], [[]]]}, {"a": [{}, {"": {}}]}],
        [{"a": 1, "b": 2}, {"b": 2, "a": 1}],
        [{str(number): number for number in range(50)}, {"many": list(range(50))}] * 2,
        {},
        [],
        "text",
        None,
    ],
)
def test_what_merely_looks_equal_stays_what_it_is(value: Any) -> None:
    read = Sharing().read_cbor(cbor2.dumps(value))
    assert json.dumps(read) == json.dumps(value), "the order and the type of everything"


def test_what_is_no_json_is_read_as_ever_and_bad_bytes_raise_what_they_always_did() -> None:
    odd = {1: b"bytes", "nested": {(1, 2): "a tuple"}, "large": 2**70, "a set": {1, 2}}
    assert Sharing().read_cbor(cbor2.dumps(odd)) == odd
    with pytest.raises(cbor2.CBORError):
        Sharing().read_cbor(cbor2.dumps([1, 2])[:-1])


def test_both_ways_in_which_cbor2_tells_of_an_object_are_understood() -> None:
    sharing = Sharing()
    assert sharing._from_cbor({"a": 1}, False) is sharing._from_cbor(object(), {"a": 1})  # noqa: SLF001


def test_json_is_read_the_same_way() -> None:
    text = '[{"a": {"b": [1, {"c": null}]}}, {"a": {"b": [1, {"c": null}]}, "d": 1.5}]'
    read = json.loads(text, object_pairs_hook=Sharing().object)
    assert read == json.loads(text)
    assert read[0]["a"] is read[1]["a"]
