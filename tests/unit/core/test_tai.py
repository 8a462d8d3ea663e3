"""TAI timestamps as text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.core.tai import format_tai, parse_tai
from appliance.errors import BadRequest


@given(st.integers(min_value=0, max_value=10**20))
def test_what_is_written_is_read_back(ns: int) -> None:
    assert parse_tai(format_tai(ns)) == ns


def test_nanoseconds_are_not_padded() -> None:
    assert format_tai(1_600_000_000_000_000_005) == "1600000000:5"


@pytest.mark.parametrize("text", ["", "1", "1:", ":1", "1:2:3", "-1:0", "1:1000000000000", " 1:0", "1:0\n", "١:٢"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(BadRequest):
        parse_tai(text)
