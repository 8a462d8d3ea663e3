"""What GStreamer's command lines are made of."""

import pytest

from appliance.errors import BadRequest
from appliance.media.gst_parts import quoted


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("/a b/c", '"/a b/c"'),
        ("it's ! fakesink", '"it\'s ! fakesink"'),
        ('a"b', '"a\\"b"'),
        ("a\\b", '"a\\\\b"'),
    ],
)
def test_values_are_quoted(value: str, written: str) -> None:
    assert quoted("location", value) == f"location={written}"


def test_control_characters_cannot_be_written() -> None:
    with pytest.raises(BadRequest, match="control character"):
        quoted("location", "a\nb")
