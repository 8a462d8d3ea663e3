"""RQL: what it matches, and what is refused with which status."""

from typing import Any

import pytest

from appliance.core.types import JSON, Kind
from appliance.errors import BadRequest
from appliance.nmos.query.errors import NotSupported
from appliance.nmos.query.rql import MAX_CHARS, compile_rql

FLOW: JSON = {
    "id": "f",
    "label": "Camera (1), wide",
    "format": "urn:x-nmos:format:video",
    "version": "100:5",
    "frame_width": 1920,
    "grain_rate": {"numerator": 50, "denominator": 2},
    "source_id": "s",
    "tags": {"location": ["Salford", "Leeds"], "urn:x-nmos:tag:grouphint/v1.0": ["Cam:Video"]},
    "components": [{"name": "Y", "bit_depth": 10}, {"name": "Cb", "bit_depth": 8}],
    "live": True,
    "clock_name": None,
}
SOURCE: JSON = {"id": "s", "channels": [{"label": "L"}, {"label": "R"}], "grain_rate": {"numerator": 25}}


def find(kind: Kind, id: str) -> JSON | None:
    return SOURCE if (kind, id) == (Kind.SOURCE, "s") else None


def matches(rql: str, body: Any = None) -> bool:
    return compile_rql(rql, find)(FLOW if body is None else body)


@pytest.mark.parametrize(
    "rql",
    [
        "eq(format,urn%3Ax-nmos%3Aformat%3Avideo)",
        "eq(label,Camera%20%281%29%2C%20wide)",
        "eq(frame_width,1920)",
        "eq(frame_width,number:1920)",
        "eq(live,true)",
        "eq(clock_name,null)",
        "eq(absent,null)",
        "ne(clock_name,x)",
        "ne(label,null)",
        "ne(format,urn:x-nmos:format:audio)",
        "gt(frame_width,1919)",
        "ge(frame_width,1920)",
        "le(frame_width,1920)",
        "lt(frame_width,1920.5)",
        "gt(version,99:999999999)",
        "ge(version,100:5)",
        "eq(grain_rate,rational:25%2F1)",
        "ge(grain_rate,rational:24000%2F1001)",
        "in(tags.location,(Salford,London))",
        "in(absent,(1,null))",
        "out(tags.location,(Paris,London))",
        "contains(tags.location,Leeds)",
        "eq(tags.urn%3Ax-nmos%3Atag%3Agrouphint%2Fv1.0,Cam%3AVideo)",
        "matches(label,string:cAMERA,i)",
        "matches(label,era)",
        "matches(label,Camera%20%281%29)",
        "matches(format,urn%3Ax-nmos%3Aformat%3A*)",
        "matches(format,string:urn%3Ax-nmos%3Aformat%3Aaudio%7Curn%3Ax-nmos%3Aformat%3AVIDEO%24,i)",
        "matches(format,format%3Avideo|format%3Aaudio)",
        "and(eq(id,f),or(eq(id,g),not(eq(id,g))))",
        "and()",
        "rel(source_id,ge(count(channels),2))",
        "rel(source_id,eq(grain_rate,rational:25))",
        "sub(components,and(eq(name,Y),eq(bit_depth,10)))",
        "not(sub(components,and(eq(name,Y),eq(bit_depth,8))))",
        "not(sub(components,not(in(bit_depth,(8,10)))))",
        "or(eq(id,x),eq(id,f))",
    ],
)
def test_what_matches(rql: str) -> None:
    assert matches(rql)


@pytest.mark.parametrize(
    "rql",
    [
        "eq(format,urn:x-nmos:format:audio)",
        "eq(frame_width,string:1920)",
        "eq(live,1)",
        "eq(frame_width,true)",
        "ne(tags.location,Leeds)",
        "gt(label,5)",
        "gt(absent,5)",
        "lt(version,100:4)",
        "matches(label,camera)",
        "matches(frame_width,19)",
        "matches(format,urn%3Ax-nmos%3Aformat%24)",
        "matches(format,audio%7Cvide%24)",
        "rel(source_id,eq(id,other))",
        "rel(device_id,eq(id,s))",
        "in(id,())",
        "or()",
        "sub(components,eq(bit_depth,12))",
        "sub(label,eq(a,b))",
    ],
)
def test_what_does_not(rql: str) -> None:
    assert not matches(rql)


@pytest.mark.parametrize(
    ("names", "chroma", "named"),
    [
        ("Y Cb Cr", (8, 4), "YCbCr-4:4:4"),
        ("Y Cb Cr", (4, 4), "YCbCr-4:2:2"),
        ("I Ct Cp", (4, 2), "ICtCp-4:2:0"),
        ("Yc Cbc Crc", (4, 4), "CLYCbCr-4:2:2"),
        ("R G B", (8, 4), "RGB"),
        ("Key", (8, 4), "KEY"),
        ("Y Cb Cr", (2, 4), None),
        ("Y Cb Cr A", (8, 4), None),
        ("Y Cb Cr", (None, 4), None),
    ],
)
def test_components_are_sampled_as_their_sizes_say(
    names: str, chroma: tuple[int | None, int], named: str | None
) -> None:
    first, *others = names.split()
    components = [{"name": first, "width": 8, "height": 4}]
    components += [{"name": name, "width": chroma[0], "height": chroma[1]} for name in others]
    samplings = ("YCbCr-4:4:4", "YCbCr-4:2:2", "ICtCp-4:2:0", "CLYCbCr-4:2:2", "RGB", "KEY")
    matching = [one for one in samplings if matches(f"in(components,(sampling:{one}))", {"components": components})]
    assert matching == ([named] if named else [])


def test_no_components_are_not_sampled() -> None:
    for components in (None, ["Y"], [], 5):
        assert not matches("eq(components,sampling:YCbCr-4:2:2)", {"components": components})
    assert not matches("eq(components,sampling:YCbCr-4:2:2)", {})
    assert matches("sub(components,eq(name,Y))")


def test_a_rational_whose_denominator_is_zero_equals_nothing() -> None:
    assert not matches("eq(r,rational:1)", {"r": {"numerator": 1, "denominator": 0}})


@pytest.mark.parametrize(
    ("rql", "named"),
    [
        ("", "no call"),
        ("label", "no call"),
        ("eq(label", "bracket"),
        ("eq(label,x))", "end"),
        ("eq(label)", "2 arguments"),
        ("eq(label,eq(a,b))", "value"),
        ("and(label)", "call"),
        ("in(label,x)", "list"),
        ("not()", "1 arguments"),
        ("eq(a,number:x)", "number"),
        ("eq(a,rational:1%2F0)", "rational"),
        ("eq(a,boolean:maybe)", "boolean"),
        ("matches(label)", "matches"),
        ("rel(eq(a,b),eq(a,b))", "text"),
        ("not(" * 30 + ")" * 30, "complex"),
        ("or(" + ",".join(["eq(a,b)"] * 600) + ")", "complex"),
        ("x" * (MAX_CHARS + 1), "complex"),
    ],
)
def test_what_is_no_rql_is_a_bad_request(rql: str, named: str) -> None:
    with pytest.raises(BadRequest, match=named):
        compile_rql(rql, find)


@pytest.mark.parametrize(
    "rql", ["sort(label)", "limit(10,1)", "__class__(a)", "eq(sum(a),3)", "(a,b)", "rel(x,eq(a,b))", "or(x(a))"]
)
def test_what_is_not_supported_says_so(rql: str) -> None:
    with pytest.raises(NotSupported):
        compile_rql(rql, find)
