"""Reads the JSON that a Node API answers, one resource at a time, so that a large list never stops the loop."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NoReturn

from appliance.core.sharing import Sharing
from appliance.errors import BadRequest

_SPACE = re.compile(r"[ \t\n\r]*")


def read_object(body: bytes) -> Any:
    """A single resource; :class:`BadRequest` says what is wrong. The check that it is one is resources.py's."""
    text = _text(body)
    value, end = _value(_decoder(), text, _skip(text, 0))
    _expect_end(text, end)
    return value


def read_list(body: bytes) -> Iterator[tuple[Any, int]]:
    """The elements of an array with the length of each; :class:`BadRequest` where it turns out to be none."""
    text = _text(body)
    yield from _elements(text, _skip(text, 0))


def read_grain(text: str) -> Iterator[tuple[Any, int]]:
    """The events of a Query API's data Grain, with the length of each, likewise."""
    data = _enter(text, _enter(text, _skip(text, 0), "grain"), "data")
    yield from _elements(text, data, whole=False)


def _elements(text: str, at: int, *, whole: bool = True) -> Iterator[tuple[Any, int]]:
    if text[at : at + 1] != "[":
        raise BadRequest(f"a list is expected, but the body begins with {text[at : at + 20]!r}")
    at = _skip(text, at + 1)
    if text[at : at + 1] == "]":
        if whole:
            _expect_end(text, at + 1)
        return
    decoder = _decoder()
    while True:
        value, end = _value(decoder, text, at)
        yield value, end - at
        at = _skip(text, end)
        mark = text[at : at + 1]
        if mark == "]":
            if whole:
                _expect_end(text, at + 1)
            return
        if mark != ",":
            raise BadRequest("the list ends in the middle" if not mark else f"a comma is missing before {mark!r}")
        at = _skip(text, at + 1)


def _enter(text: str, at: int, wanted: str) -> int:
    """Where the value of a key of the object at ``at`` begins."""
    mark, decoder = "{", _decoder()
    while text[at : at + 1] == mark:
        key, at = _value(decoder, text, _skip(text, at + 1))
        at = _skip(text, at)
        if text[at : at + 1] != ":":
            break
        at = _skip(text, at + 1)
        if key == wanted:
            return at
        _, at = _value(decoder, text, at)
        at, mark = _skip(text, at), ","
    raise BadRequest(f"an object with {wanted!r} in it is expected")


def _text(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadRequest(f"the body is not UTF-8: {error.reason} at byte {error.start}") from error


def _value(decoder: json.JSONDecoder, text: str, at: int) -> tuple[Any, int]:
    try:
        return decoder.raw_decode(text, at)
    except json.JSONDecodeError as error:
        raise BadRequest(f"the body is not JSON: {error.msg} at character {error.pos}") from error
    except (ValueError, RecursionError) as error:
        # A number of thousands of digits, NaN, or brackets without end.
        raise BadRequest(f"the body is not usable JSON: {str(error)[:100]}") from error


def _not_json(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


def _decoder() -> json.JSONDecoder:
    """For one document: what is equal in it is kept once, and ten thousand senders take a third less memory."""
    return json.JSONDecoder(parse_constant=_not_json, object_pairs_hook=Sharing().object)


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return at if match is None else match.end()


def _expect_end(text: str, at: int) -> None:
    if _skip(text, at) != len(text):
        raise BadRequest("there is more after the end of the JSON")
