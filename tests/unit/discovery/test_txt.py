"""The TXT record of _nmos-node._tcp (IS-04 Discovery - Peer to Peer Operation; RFC 6763 section 6)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.core.types import Kind
from appliance.discovery.txt import highest_common, node_txt, pack, read_node_txt, version_key

COUNTERS = {kind: number for number, kind in enumerate(Kind)}


def test_what_is_announced_is_read_back() -> None:
    txt = read_node_txt(pack(node_txt(["v1.3", "v1.0"], COUNTERS)))
    assert (txt.api_proto, txt.api_ver, txt.api_auth) == ("http", ("v1.0", "v1.3"), False)
    assert txt.counters == COUNTERS
    assert txt.problems == ()


def test_versions_ascend_without_spaces() -> None:
    assert node_txt(["v1.10", "v1.3", "v1.2"], None)["api_ver"] == "v1.2,v1.3,v1.10"


def test_no_counters_outside_peer_to_peer_mode() -> None:
    assert not [key for key in node_txt(["v1.3"], None) if key.startswith("ver_")]


@pytest.mark.parametrize(
    ("strings", "problem"),
    [
        ([b"api_ver=v1.2, v1.3,latest"], "api_ver"),
        ([b"api_proto=gopher"], "api_proto"),
        ([b"api_auth=perhaps"], "api_auth"),
        ([b"ver_snd=256"], "ver_snd"),
        ([b"ver_snd=-1"], "ver_snd"),
        ([b"ver_snd=\xff\xfe"], "ver_snd"),
        ([b"ver_snd"], "ver_snd"),
        (["ver_snd=١".encode()], "ver_snd"),
    ],
)
def test_rubbish_is_named_and_left_out(strings: list[bytes], problem: str) -> None:
    txt = read_node_txt(b"".join(bytes([len(string)]) + string for string in strings))
    assert problem in txt.problems[0]
    assert Kind.SENDER not in txt.counters


def test_versions_in_rubbish_are_used() -> None:
    assert read_node_txt(pack({"api_ver": "v1.3, v1.2,latest"})).api_ver == ("v1.2", "v1.3")


def test_without_records_it_is_as_in_the_first_version() -> None:
    txt = read_node_txt(b"\x00")
    assert (txt.api_proto, txt.api_ver, txt.counters) == ("http", ("v1.0",), {})


def test_keys_have_no_case_and_the_first_counts() -> None:
    assert read_node_txt(pack({"API_VER": "v1.1", "api_ver": "v1.3"})).api_ver == ("v1.1",)


def test_a_record_that_is_cut_off() -> None:
    txt = read_node_txt(pack({"api_ver": "v1.3"}) + b"\x20api_auth=tr")
    assert txt.api_ver == ("v1.3",)
    assert "cut off" in txt.problems[0]


@given(st.binary(max_size=600))
def test_nothing_makes_it_fail(data: bytes) -> None:
    txt = read_node_txt(data)
    assert all(0 <= counter <= 255 for counter in txt.counters.values())


@pytest.mark.parametrize(
    ("ours", "theirs", "common"),
    [
        (["v1.2", "v1.3"], ["v1.0", "v1.2"], "v1.2"),
        (["v1.2", "v1.10"], ["v1.10", "v1.2"], "v1.10"),
        (["v1.3"], ["v2.0"], None),
        (["v1.3"], [], None),
    ],
)
def test_highest_common_version(ours: list[str], theirs: list[str], common: str | None) -> None:
    assert highest_common(ours, theirs) == common


def test_no_version() -> None:
    with pytest.raises(ValueError, match="no API version"):
        version_key("1.3")
