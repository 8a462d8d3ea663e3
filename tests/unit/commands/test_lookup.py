"""An id, or a label that only one has."""

import pytest

from appliance.commands.client import CommandError
from appliance.commands.lookup import resolve
from appliance.core.types import JSON


def item(id: str, label: str) -> JSON:
    return {"id": id, "label": label, "device": {"id": "d", "label": f"Device of {id}"}}


LABELS = {"a1": "Tone", "b2": "tone", "c3": "Mic", "d4": "Mic", "e5": "Camera 1", "f6": "c3"}
ITEMS = [item(id, label) for id, label in LABELS.items()]


FOUND = [("Tone", "a1"), ("tone", "b2"), ("E5", "e5"), ("camera 1", "e5"), ("c3", "c3")]


@pytest.mark.parametrize(("word", "id"), FOUND)
def test_found(word: str, id: str) -> None:
    assert resolve(word, ITEMS, "source")["id"] == id


def test_two_of_one_label_are_named_by_their_ids() -> None:
    with pytest.raises(CommandError, match=r"2 sources are called 'Mic'.*c3 \(Device of c3\), d4"):
        resolve("Mic", ITEMS, "source")


def test_nothing_found_gives_a_hint() -> None:
    with pytest.raises(CommandError, match="no source is called 'Camera'; did you mean 'Camera 1'"):
        resolve("Camera", ITEMS, "source")
    with pytest.raises(CommandError, match="no source is called 'x'; there are none"):
        resolve("x", [], "source")
