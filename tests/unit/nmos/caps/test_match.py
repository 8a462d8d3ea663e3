"""The matcher against the specifications' examples, a naive second one, and whatever strangers send."""

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.core.types import JSON
from appliance.nmos.caps.match import ENABLED, LABEL, PREFERENCE, misfit, out_of_caps, satisfied_sets
from appliance.nmos.caps.stream import FORMAT_CAP, PARAMETERS, TRANSPORT_CAP, Stream
from appliance.nmos.caps.words import summary
from tests.support.specs import examples

RECEIVER: JSON = {"transport": "urn:x-nmos:transport:rtp", "format": "urn:x-nmos:format:video", "caps": {}}


def rational(numerator: int, denominator: int | None = None) -> JSON:
    return {"numerator": numerator} if denominator is None else {"numerator": numerator, "denominator": denominator}


# ---- the examples of BCP-004-01: streams made to measure, then with one thing wrong


def example_sets() -> Iterator[tuple[str, JSON]]:
    for name, receiver in examples("bcp-004-01", "v1.0"):
        for constraint_set in receiver["caps"]["constraint_sets"]:
            yield f"{name}: {constraint_set.get(LABEL, '')}", constraint_set


def fitting(constraint_set: JSON) -> JSON:
    """A value for each parameter, as a transport file tells it, that the set allows."""
    constraints = {urn: constraint for urn, constraint in constraint_set.items() if ":meta:" not in urn}
    return {urn: constraint.get("enum", [constraint.get("maximum")])[-1] for urn, constraint in constraints.items()}


def another(value: Any) -> Any:
    """A value of the same type that no example allows."""
    if isinstance(value, dict):
        return rational(value["numerator"] * 7, value["denominator"])
    return "other" if isinstance(value, str) else value * 7


def test_each_example_takes_what_it_says_and_names_what_is_wrong() -> None:
    tried = 0
    for name, constraint_set in example_sets():
        caps: JSON = {"constraint_sets": [constraint_set]}
        values = fitting(constraint_set)
        assert out_of_caps(Stream(told=values), caps) is None, name
        for urn in values:
            assert parameter(Stream(told={**values, urn: another(values[urn])}), caps) == urn, name
            unknown = {other: value for other, value in values.items() if other != urn}
            assert out_of_caps(Stream(told=unknown), caps) is None, name
            tried += 1
    assert tried == 31


def test_each_set_of_an_example_is_enough_alone() -> None:
    for name, receiver in examples("bcp-004-01", "v1.0"):
        for constraint_set in receiver["caps"]["constraint_sets"]:
            stream = Stream(told=fitting(constraint_set))
            assert out_of_caps(stream, receiver["caps"]) is None, name
            assert constraint_set in satisfied_sets(stream, receiver["caps"])


# ---- the rules, one by one


@pytest.mark.parametrize(
    ("value", "constraint", "fits"),
    [
        (rational(25), {"enum": [rational(25, 1)]}, True),
        (rational(50, 2), {"enum": [rational(25)]}, True),
        (rational(-25, -1), {"enum": [rational(25)]}, True),
        (rational(30000, 1001), {"enum": [rational(30), rational(2997, 100)]}, False),
        (rational(30000, 1001), {"minimum": rational(30000, 1001), "maximum": rational(30000, 1001)}, True),
        (rational(30000, 1001), {"maximum": rational(-29, -1)}, False),
        (rational(30000, 1001), {}, True),
        (rational(25, 0), {"enum": [rational(50)]}, True),  # no value at all
        (rational(25), {"enum": ["25"]}, False),
        (rational(25), {"enum": 25}, True),
        (rational(25), {"enum": []}, False),
        (rational(10**400), {"enum": [rational(1)]}, True),
    ],
)
def test_rationals(value: JSON, constraint: JSON, fits: bool) -> None:
    flow = {"grain_rate": value}
    caps = {"constraint_sets": [{FORMAT_CAP + "grain_rate": constraint}]}
    assert (out_of_caps(Stream(flow=flow), caps) is None) is fits


@pytest.mark.parametrize(
    ("urn", "value", "constraint", "fits"),
    [
        (FORMAT_CAP + "frame_width", 1920, {"minimum": 1920, "maximum": 1920}, True),
        (FORMAT_CAP + "frame_width", 1919, {"minimum": 1920}, False),
        (FORMAT_CAP + "frame_width", 1920, {"enum": [1280, 1920], "maximum": 1280}, False),
        (FORMAT_CAP + "frame_width", 1920.0, {"enum": [1920]}, True),
        (TRANSPORT_CAP + "packet_time", 0.125, {"enum": [0.125]}, True),
        (TRANSPORT_CAP + "packet_time", 1, {"enum": [0.125, 1.0]}, True),
        (TRANSPORT_CAP + "hkep", True, {"enum": [True]}, True),
        (TRANSPORT_CAP + "hkep", True, {"enum": [1]}, False),
        (TRANSPORT_CAP + "hkep", True, {"enum": [False]}, False),
        (TRANSPORT_CAP + "hkep", True, {"maximum": 0}, True),  # is no keyword of a boolean constraint
        (FORMAT_CAP + "colorspace", "BT709", {"minimum": "BT800"}, True),
        (FORMAT_CAP + "interlace_mode", ("interlaced_tff", "interlaced_bff"), {"enum": ["interlaced_bff"]}, True),
        (FORMAT_CAP + "interlace_mode", ("interlaced_tff", "interlaced_bff"), {"enum": ["progressive"]}, False),
        ("urn:x-vendor:cap:format:mood", "good", {"enum": ["bad"]}, True),
        ("urn:x-nmos:cap:transport:usb_class", 3, {"enum": [8]}, True),
        (FORMAT_CAP + "from_the_future", 1, {"enum": [2]}, True),
    ],
)
def test_other_types(urn: str, value: Any, constraint: JSON, fits: bool) -> None:
    found = out_of_caps(Stream(told={urn: value}), {"constraint_sets": [{urn: constraint}]})
    assert (found is None) is fits


def test_all_of_the_caps_must_be_met_and_an_empty_list_never_is() -> None:
    stream = Stream(flow={"media_type": "video/raw", "frame_width": 1920})
    good = {FORMAT_CAP + "frame_width": {"enum": [1920]}}
    assert out_of_caps(stream, {}) is None
    assert out_of_caps(stream, {"media_types": ["video/raw"], "constraint_sets": [good]}) is None
    assert parameter(stream, {"media_types": ["video/jxsv"], "constraint_sets": [good]}) == "caps.media_types"
    assert parameter(stream, {"media_types": ["video/raw"], "constraint_sets": []}) == "caps.constraint_sets"
    assert parameter(stream, {"constraint_sets": [{**good, ENABLED: False}]}) == "caps.constraint_sets"


def parameter(stream: Stream, caps: JSON) -> str | None:
    found = out_of_caps(stream, caps)
    return None if found is None else found.parameter


def test_the_reason_is_of_the_set_that_comes_closest() -> None:
    stream = Stream(flow={"frame_width": 1920, "frame_height": 1080, "grain_rate": rational(50)})
    near = {FORMAT_CAP + "frame_height": {"enum": [1080]}, FORMAT_CAP + "grain_rate": {"enum": [rational(25)]}}
    far = {FORMAT_CAP + "frame_width": {"enum": [1280]}, FORMAT_CAP + "frame_height": {"enum": [720]}}
    for sets in ([near, far], [far, near]):
        found = out_of_caps(stream, {"constraint_sets": sets})
        assert found is not None
        assert (found.parameter, found.reason) == (
            FORMAT_CAP + "grain_rate",
            "its frame rate is 50, this receiver takes 25",
        )


def test_event_types_may_end_in_a_wildcard() -> None:
    stream = Stream(flow={"event_type": "number/temperature/C"})
    for names, fits in ((["number/*"], True), (["number/temperature/*"], True), (["boolean", "number"], False)):
        assert (out_of_caps(stream, {"event_types": names}) is None) is fits
        sets = [{FORMAT_CAP + "event_type": {"enum": names}}]
        assert (out_of_caps(stream, {"constraint_sets": sets}) is None) is fits


def test_satisfied_sets_come_in_the_order_of_preference() -> None:
    sets: list[JSON] = [{PREFERENCE: preference, FORMAT_CAP + "frame_width": {}} for preference in (0, 100, -100)]
    sets += [{FORMAT_CAP + "frame_height": {}}]
    assert satisfied_sets(Stream(), {"constraint_sets": sets}) == [sets[1], sets[0], sets[3], sets[2]]


# ---- what resources mean by what they leave out


JXSV: JSON = {"media_type": "video/jxsv", "format": "urn:x-nmos:format:video", "frame_width": 1920, "bit_rate": 1000}


@pytest.mark.parametrize(
    ("flow", "version", "fits"),
    [
        ({**JXSV, "profile": "High444.12"}, "v1.3", True),
        ({**JXSV, "profile": "Main444.12"}, "v1.3", False),
        (JXSV, "v1.3", False),  # unrestricted, by BCP-006-01
        (JXSV, "v1.2", True),  # has no such attribute
        ({"media_type": "video/jxsv"}, "v1.3", True),  # not described as BCP-006-01 wants
    ],
)
def test_a_profile_left_out_is_unrestricted(flow: JSON, version: str, fits: bool) -> None:
    caps = {"constraint_sets": [{FORMAT_CAP + "profile": {"enum": ["High444.12"]}}]}
    found = out_of_caps(Stream({}, flow, api_version=version), caps)
    assert (found is None) is fits
    anything_goes: JSON = {"constraint_sets": [{FORMAT_CAP + "profile": {}}]}
    assert out_of_caps(Stream({}, flow, api_version=version), anything_goes) is None


def test_defaults() -> None:
    def takes(urn: str, value: str, **flow: Any) -> bool:
        stream = Stream({}, {**JXSV, **flow})
        return out_of_caps(stream, {"constraint_sets": [{urn: {"enum": [value]}}]}) is None

    assert takes(FORMAT_CAP + "interlace_mode", "progressive")
    assert not takes(FORMAT_CAP + "interlace_mode", "interlaced_tff")
    assert takes(FORMAT_CAP + "transfer_characteristic", "SDR")
    assert not takes(FORMAT_CAP + "transfer_characteristic", "PQ")
    assert takes(TRANSPORT_CAP + "packet_transmission_mode", "codestream")
    assert not takes(TRANSPORT_CAP + "packet_transmission_mode", "slice_sequential")
    assert takes(TRANSPORT_CAP + "packet_transmission_mode", "slice_sequential", media_type="video/raw")


def component(name: str, width: int, height: int) -> JSON:
    return {"name": name, "width": width, "height": height, "bit_depth": 10}


@pytest.mark.parametrize(
    ("components", "color_sampling"),
    [
        ([component("Y", 1920, 1080), component("Cb", 960, 1080), component("Cr", 960, 1080)], "YCbCr-4:2:2"),
        ([component("Y", 1920, 1080), component("Cb", 960, 540), component("Cr", 960, 540)], "YCbCr-4:2:0"),
        ([component("Y", 1920, 1080), component("Cb", 480, 1080), component("Cr", 480, 1080)], "YCbCr-4:1:1"),
        ([component("R", 8, 8), component("G", 8, 8), component("B", 8, 8)], "RGB"),
        ([component("I", 8, 8), component("Ct", 4, 8), component("Cp", 4, 8)], "ICtCp-4:2:2"),
        ([component("Key", 8, 8)], "KEY"),
        ([component("Y", 8, 8), component("Cb", 3, 8), component("Cr", 3, 8)], None),
        ([component("Y", 8, 8), component("Cb", 0, 8)], None),
        ([{"name": []}], None),
        ([], None),
        ("YCbCr", None),
    ],
)
def test_color_sampling_from_components(components: Any, color_sampling: str | None) -> None:
    assert Stream(flow={"components": components}).value(FORMAT_CAP + "color_sampling") == color_sampling


# ---- a generated space of streams and constraint sets, against a second matcher that knows nothing of the first

numbers = st.integers(-3, 3)
rationals = st.builds(rational, numbers, st.none() | st.sampled_from([1, 2, -2, 3]))
TYPES: dict[str, st.SearchStrategy[Any]] = {
    FORMAT_CAP + "grain_rate": rationals,
    FORMAT_CAP + "sample_rate": rationals,
    FORMAT_CAP + "frame_width": numbers,
    TRANSPORT_CAP + "packet_time": st.sampled_from([0.125, 1, 1.0, 4]),
    FORMAT_CAP + "colorspace": st.sampled_from(["BT709", "BT2020"]),
    TRANSPORT_CAP + "privacy": st.booleans(),
    "urn:x-vendor:cap:format:colour_of_the_box": st.sampled_from(["red", "blue"]),
}


def constraint_of(values: st.SearchStrategy[Any]) -> st.SearchStrategy[JSON]:
    keywords = {"enum": st.lists(values, min_size=1, max_size=3), "minimum": values, "maximum": values}
    return st.fixed_dictionaries({}, optional=keywords)


meta: dict[str, st.SearchStrategy[Any]] = {
    LABEL: st.text(max_size=5),
    PREFERENCE: st.integers(-100, 100),
    ENABLED: st.booleans(),
}
constraint_sets = st.lists(
    st.fixed_dictionaries({}, optional={**{urn: constraint_of(values) for urn, values in TYPES.items()}, **meta}),
    max_size=4,
)
streams = st.fixed_dictionaries({}, optional=TYPES)
RESOURCES = {
    FORMAT_CAP + "grain_rate": ("source", "grain_rate"),
    FORMAT_CAP + "sample_rate": ("flow", "sample_rate"),
    FORMAT_CAP + "frame_width": ("flow", "frame_width"),
    FORMAT_CAP + "colorspace": ("flow", "colorspace"),
    TRANSPORT_CAP + "privacy": ("sender", "privacy"),
}


def compare(one: Any, other: Any) -> int:
    """-1, 0 or 1, rationals by cross-multiplication as BCP-004-01 says."""
    if isinstance(one, dict):
        n1, d1 = one["numerator"], one.get("denominator", 1)
        n2, d2 = other["numerator"], other.get("denominator", 1)
        one, other = n1 * d2, n2 * d1
        if (d1 < 0) != (d2 < 0):
            one, other = -one, -other
    return int(one > other) - int(one < other)


def naively_fits(values: JSON, sets: list[JSON]) -> bool:
    return any(
        one.get(ENABLED, True)
        and all(
            naively_allows(values[urn], constraint)
            for urn, constraint in one.items()
            if urn in PARAMETERS and urn in values
        )
        for one in sets
    )


def naively_allows(value: Any, constraint: JSON) -> bool:
    if "enum" in constraint and not any(compare(value, each) == 0 for each in constraint["enum"]):
        return False
    if isinstance(value, str | bool):
        return True
    return ("minimum" not in constraint or compare(value, constraint["minimum"]) >= 0) and (
        "maximum" not in constraint or compare(value, constraint["maximum"]) <= 0
    )


@given(streams, constraint_sets)
def test_the_second_matcher_agrees_of_transport_files(values: JSON, sets: list[JSON]) -> None:
    before = copy.deepcopy(sets)
    found = out_of_caps(Stream(told=values), {"constraint_sets": sets})
    assert (found is None) is naively_fits(values, sets)
    assert sets == before
    if found is not None and found.parameter in PARAMETERS:
        # What it names is really wrong: without that parameter in every set, something else is, or nothing.
        assert any(
            one.get(ENABLED, True) and not naively_allows(values[found.parameter], one.get(found.parameter, {}))
            for one in sets
        )


@given(streams, constraint_sets)
def test_the_second_matcher_agrees_of_resources(values: JSON, sets: list[JSON]) -> None:
    resources: dict[str, JSON] = {"sender": {"transport": "urn:x-nmos:transport:rtp.mcast"}, "flow": {}, "source": {}}
    known = {urn: value for urn, value in values.items() if urn in RESOURCES}
    for urn, value in known.items():
        resource, key = RESOURCES[urn]
        resources[resource][key] = value
    stream = Stream(resources["sender"], resources["flow"], resources["source"])
    found = misfit(stream, {**RECEIVER, "caps": {"constraint_sets": sets}})
    assert (found is None) is naively_fits(known, sets)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just(10**400),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["numerator", "denominator", "enum", "minimum", "name"]), inner, max_size=3)
    ),
    max_leaves=6,
)
KEYS = (
    "format",
    "media_type",
    "event_type",
    "grain_rate",
    "components",
    "channels",
    "bit_rate",
    "profile",
    "transport",
)
resource = st.none() | st.dictionaries(st.sampled_from(KEYS), anything, max_size=6)
hostile_set = st.dictionaries(st.sampled_from([*PARAMETERS, ENABLED, PREFERENCE, LABEL]), anything, max_size=5)


@given(
    resource,
    resource,
    resource,
    st.lists(hostile_set | anything, max_size=3) | anything,
    st.lists(anything, max_size=2) | anything,
)
def test_whatever_strangers_say_there_is_an_answer_in_one_line(
    sender: JSON | None, flow: JSON | None, source: JSON | None, sets: Any, listed: Any
) -> None:
    stream = Stream(sender, flow, source)
    caps = {"constraint_sets": sets, "media_types": listed, "event_types": listed}
    found = misfit(stream, {**RECEIVER, "caps": caps})
    assert found is None or (found.reason.isprintable() and len(found.reason) < 1000)
    assert summary(stream).isprintable()
    satisfied_sets(stream, caps)
