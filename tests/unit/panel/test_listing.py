"""Sorted, searchable, and as cheap to change in the middle as at the end."""

from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from appliance.panel.items import Named, SourceItem
from appliance.panel.listing import Listing, grouped
from appliance.panel.text import natural_key


def item(id: str, label: str, device: str = "d", node: str = "n", **fields: Any) -> SourceItem:
    return SourceItem(id, label, Named(device, device), Named(node, node), **fields)


def test_put_replace_remove() -> None:
    listing = Listing()
    assert listing.put(item("1", "B"))
    assert not listing.put(item("1", "B"))
    assert listing.put(item("2", "A"))
    assert listing.put(item("1", "B", detail="L16"))
    assert [each.id for each in listing] == listing.ids() == ["2", "1"]
    assert listing.put(item("1", "0"))
    assert [each.id for each in listing.page(0, 1)] == ["1"]
    assert listing.remove("1")
    assert not listing.remove("1")
    assert "1" not in listing
    assert len(listing) == 1
    listing.clear()
    assert list(listing.find("")) == []


def test_two_devices_of_one_name_are_two_groups() -> None:
    listing = Listing()
    for number, (device, node) in enumerate([("a", "x"), ("b", "x"), ("a", "x")]):
        listing.put(SourceItem(str(number), "s", Named(device, "Inputs"), Named(node, "Stage")))
    groups = list(grouped(listing))
    assert [[each.id for each in group.sources] for group in groups] == [["0", "2"], ["1"]]
    assert groups[0].title == "Stage · Inputs"


def test_a_group_whose_node_and_device_share_a_name_says_it_once() -> None:
    listing = Listing()
    listing.put(SourceItem("1", "s", Named("d", "Camera 1"), Named("n", "Camera 1")))
    assert next(grouped(listing)).title == "Camera 1"


def test_find_looks_for_every_word_in_all_names() -> None:
    listing = Listing()
    listing.put(item("1", "Vocal Mic", device="Stagebox", format="audio"))
    listing.put(item("2", "Zoë", device="Stagebox"))
    listing.put(item("3", "Camera", node="Gallery", format="video"))
    find: Callable[[str], list[str]] = lambda text: [each.id for each in listing.find(text)]  # noqa: E731
    assert find("mic") == ["1"]
    assert find("STAGE mic") == ["1"]
    assert find("zoe") == ["2"]
    assert find("gallery") == ["3"]
    assert find("audio") == ["1"]
    assert find("  ") == ["3", "2", "1"] or len(find("  ")) == 3
    assert find("mic camera") == []


IDS = st.sampled_from("abcdef")


@given(st.lists(st.tuples(st.booleans(), IDS, st.sampled_from(["Mic 1", "Mic 10", "Mic 2", "Ä"]), IDS)))
def test_it_is_always_what_sorting_all_of_it_gives(steps: list[tuple[bool, str, str, str]]) -> None:
    listing, model = Listing(), dict[str, SourceItem]()
    for put, id, label, device in steps:
        if put:
            model[id] = item(id, label, device)
            listing.put(model[id])
        else:
            assert listing.remove(id) == (model.pop(id, None) is not None)
    expected = sorted(model.values(), key=lambda each: (each.device.label, natural_key(each.label), each.id))
    assert list(listing) == expected
