"""Heads as bytes, tags, and what is kept of an answer."""

import pytest

from appliance.web.messages import Answer
from appliance.web.ready import ReadyAnswers
from appliance.web.wire import cors_headers, etag_of, fields_of, head, tag_matches


def test_a_head_lacks_only_its_end() -> None:
    assert head(200, {"A": "b", "C": "ü"}) == "HTTP/1.1 200 OK\r\nA: b\r\nC: ü\r\n".encode()
    assert head(299, {}) == b"HTTP/1.1 299 \r\n"


@pytest.mark.parametrize("value", ["a\r\nX: y", "a\nb", "a\r", "\n"])
def test_a_header_cannot_be_split(value: str) -> None:
    with pytest.raises(ValueError, match="line end"):
        head(200, {"Location": value})


def test_cors_is_for_nmos_apis_and_their_root() -> None:
    assert cors_headers("/x-nmos/node") == cors_headers("/x-nmos") == {"Access-Control-Allow-Origin": "*"}
    assert cors_headers("/panel") == cors_headers("/") == {}


def test_a_handler_has_the_last_word_on_its_headers() -> None:
    answer = Answer(b"x", content_type="text/css", headers={"Cache-Control": "max-age=60"})
    fields = fields_of("/style.css", answer, b"x")
    assert fields["Cache-Control"] == "max-age=60"
    assert (fields["Content-Type"], fields["Content-Length"]) == ("text/css", "1")
    assert "Content-Length" not in fields_of("/x", Answer(b"", 204), b"")


@pytest.mark.parametrize(
    ("if_none_match", "matches"),
    [
        ('"a"', True),
        ('W/"a"', True),
        ('"x", W/"a" , "y"', True),
        ("*", True),
        ('"b"', False),
        ("a", False),
        ("", False),
        ('"x", *', False),
    ],
)
def test_tags_are_compared_weakly(if_none_match: str, matches: bool) -> None:
    assert tag_matches(if_none_match, '"a"') is matches


def test_equal_bytes_have_equal_tags() -> None:
    assert etag_of(b"a") == etag_of(bytes([97]))
    assert etag_of(b"a") != etag_of(b"b")
    assert etag_of(b"").startswith('"')


def test_a_304_says_what_the_200_would_but_for_its_content() -> None:
    answer = Answer({"a": 1}, depends=(("device", None),))
    kept = ReadyAnswers().keep("/x-nmos/a", answer, answer.payload())
    assert kept is not None
    full, unmodified = (data.decode().split("\r\n")[1:] for data in (kept.head, kept.unmodified))
    assert [line for line in full if not line.startswith("Content-")] == unmodified
    assert f"ETag: {kept.etag}" in unmodified
    assert "Cache-Control: no-cache" in unmodified
