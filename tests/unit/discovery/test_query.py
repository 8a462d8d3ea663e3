"""Reading mDNS queries: those of python-zeroconf, those by hand, and what is none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zeroconf import DNSOutgoing, DNSPointer, DNSQuestion  # type: ignore[attr-defined]

from appliance.discovery.query import Query, read_query
from appliance.discovery.records import NODE_TYPE

PTR, IN = 12, 1
DESK = f"Desk.{NODE_TYPE}"


def query() -> DNSOutgoing:
    out = DNSOutgoing(0)
    out.add_question(DNSQuestion(NODE_TYPE, PTR, IN))
    return out


def read(out: DNSOutgoing) -> Query | None:
    return read_query(out.packets()[0])


def test_a_question() -> None:
    assert read(query()) == Query(frozenset({NODE_TYPE}))


def test_a_question_for_a_unicast_answer() -> None:
    out = DNSOutgoing(0)
    out.add_question(DNSQuestion(NODE_TYPE, PTR, IN | 0x8000))
    assert read(out) == Query(frozenset({NODE_TYPE}), unicast=True)


def test_known_answers() -> None:
    out = query()
    out.add_answer_at_time(DNSPointer(NODE_TYPE, PTR, IN, 4500, DESK), 0)
    assert read(out) == Query(frozenset({NODE_TYPE}), known=frozenset({DESK.lower()}))


def test_a_probe_as_python_zeroconf_sends_it() -> None:
    out = query()
    out.add_authorative_answer(DNSPointer(NODE_TYPE, PTR, IN, 4500, DESK))
    assert read(out) == Query(frozenset({NODE_TYPE}), probed=frozenset({DESK.lower()}))


def test_a_probe_as_avahi_sends_it() -> None:
    """The question is for ANY record of the instance; the authority section has its SRV record."""
    name = b"".join(bytes([len(label)]) + label.encode() for label in DESK.split("."))
    question = name + b"\x00\xff\x80\x01"
    record = b"\xc0\x0c\x00\x21\x00\x01\x00\x00\x00\x78\x00\x09\x00\x00\x00\x00\x00\x50\x01a\x00"
    data = b"\x00\x00\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00" + question + record
    assert read_query(data) == Query(frozenset({DESK.lower()}), probed=frozenset({DESK.lower()}), unicast=True)


def test_a_response_is_no_query() -> None:
    assert read(DNSOutgoing(0x8400)) is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00" * 11,
        b"\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\xc0\x0c\x00\x0c\x00\x01",  # a pointer to itself
        b"\x00\x00\x00\x00\xff\xff\x00\x00\xff\xff\x00\x00" + b"\x3f" * 100,
    ],
)
def test_what_is_malformed_names_nothing(data: bytes) -> None:
    assert read_query(data) in (None, Query(frozenset()), Query(frozenset(), unicast=True))


@given(st.binary(max_size=300))
def test_nothing_makes_it_fail(data: bytes) -> None:
    read_query(data)
    read_query(b"\x00\x00\x00\x00" + data)
