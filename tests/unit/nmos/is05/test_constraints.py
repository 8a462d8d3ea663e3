"""A value against its constraint, for all that constraint-schema.json can say: one error, of the exact parameter."""

import pytest

from appliance.core.types import JSON
from appliance.errors import BadRequest
from appliance.nmos.is05.constraints import check

CONSTRAINTS: list[JSON] = [
    {"a": {}, "b": {}},
    {
        "a": {"enum": ["x", None, True, 5]},
        "b": {"minimum": 5, "maximum": 60},
        "c": {"pattern": "^x"},
        "d": {"minimum": 1},
        "e": {"description": "anything"},
    },
]


@pytest.mark.parametrize(
    "leg",
    [
        {},
        {"a": "x"},
        {"a": None},
        {"a": "auto"},
        {"b": 5},
        {"b": 60},
        {"b": "auto"},
        {"b": None},
        {"b": True},
        {"c": "xyz"},
        {"c": None},
        {"d": 10**9},
        {"e": "?"},
    ],
)
def test_what_is_allowed(leg: JSON) -> None:
    check(CONSTRAINTS, [{"a": 1, "b": "y"}, leg])


@pytest.mark.parametrize(
    ("leg", "error"),
    [
        ({"a": "y"}, "a: y is not one of x, null, true, 5 (nor auto)"),
        ({"a": False}, "a: false is not one of x, null, true, 5 (nor auto)"),
        ({"b": 4}, "b: 4 is not from 5 to 60 (nor auto)"),
        ({"b": 60.5}, "b: 60.5 is not from 5 to 60 (nor auto)"),
        ({"c": "yx"}, "c: yx is not like ^x (nor auto)"),
        ({"d": 0}, "d: 0 is less than 1 (nor auto)"),
    ],
)
def test_what_is_not(leg: JSON, error: str) -> None:
    with pytest.raises(BadRequest) as refused:
        check(CONSTRAINTS, [{}, leg])
    assert refused.value.message == f"transport_params[1].{error}"
