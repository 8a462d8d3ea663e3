"""Resource Query Language, as much of it as controllers send (IS-04 APIs - Query Parameters, "Advanced (RQL) Queries").

Normalised form only: ``and(eq(format,urn%3Ax-nmos%3Aformat%3Avideo),in(tags.location,(Salford,London)))``. Beyond what
IS-04 suggests there is what nmos-js asks nmos-cpp for: ``matches``, ``contains``, ``rel``, ``sub``, ``count``. Text
that is matched is no regular expression: a hostile one could stop the box for minutes. Only ``a|b`` and ``a$`` are
known, which nmos-js sends when it looks for the senders that suit a receiver of ``rtp.mcast``.

Text is parsed before it is decoded, so that an encoded comma is not one that separates.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from typing import Any
from urllib.parse import unquote_plus

from appliance.core.types import JSON, Kind
from appliance.errors import BadRequest
from appliance.nmos.query.errors import NotSupported
from appliance.nmos.query.values import Sampling, Test, flat, same, sampling, values_at

MAX_CHARS = 8000
MAX_TERMS = 1000
MAX_DEPTH = 20

Lookup = Callable[[Kind, str], JSON | None]
"""How ``rel`` finds what a resource refers to."""


@dataclass(frozen=True, slots=True)
class Call:
    """``name(arguments)``; a list in brackets is a call without a name."""

    name: str
    arguments: tuple[Term, ...]


Term = Call | str
"""A string is as it was written, still encoded."""


def compile_rql(text: str, lookup: Lookup) -> Test:
    """The test that a query stands for; :class:`BadRequest` where it is none, :class:`NotSupported` where not here."""
    if len(text) > MAX_CHARS:
        raise BadRequest(f"query.rql: over {MAX_CHARS} characters are too complex")
    term = _Parser(text).whole()
    if isinstance(term, str):
        raise BadRequest(f"query.rql: {term[:40]!r} is no call such as eq(label,x)")
    return _Compiler(lookup).test(term)


# ---- reading


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._terms = 0

    def whole(self) -> Term:
        term = self._term(0)
        if self._at != len(self._text):
            raise self._error("the end is expected")
        return term

    def _term(self, depth: int) -> Term:
        self._terms += 1
        if depth > MAX_DEPTH or self._terms > MAX_TERMS:
            raise BadRequest("query.rql: it is too complex")
        match = _WORD.match(self._text, self._at)
        assert match is not None
        self._at = match.end()
        if self._text[self._at : self._at + 1] != "(":
            return match[0]
        self._at += 1
        return Call(match[0], tuple(self._arguments(depth + 1)))

    def _arguments(self, depth: int) -> Iterator[Term]:
        if self._text[self._at : self._at + 1] == ")":
            self._at += 1
            return
        while True:
            yield self._term(depth)
            mark = self._text[self._at : self._at + 1]
            self._at += 1
            if mark == ")":
                return
            if mark != ",":
                self._at -= 1
                raise self._error("a comma or a closing bracket is expected")

    def _error(self, what: str) -> BadRequest:
        return BadRequest(f"query.rql: {what} at character {self._at}: {self._text[self._at : self._at + 20]!r}")


_WORD = re.compile(r"[^(),]*")


# ---- values


def _value(term: Term) -> Any:
    """``string:x``, ``number:5``, ``boolean:true``, ``rational:25/1``, ``sampling:RGB``, or what it looks like."""
    if isinstance(term, Call):
        raise BadRequest(f"query.rql: a value is expected where {term.name}() stands")
    kind, colon, rest = term.partition(":")
    if colon and kind in _TYPES:
        text = unquote_plus(rest)
        try:
            return _TYPES[kind](text)
        except (ValueError, ZeroDivisionError, KeyError):
            raise BadRequest(f"query.rql: {text[:40]!r} is no {kind}") from None
    text = unquote_plus(term)
    if text in _WORDS:
        return _WORDS[text]
    return float(text) if _NUMBER.fullmatch(text) else text


_WORDS = {"true": True, "false": False, "null": None}
_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?")
_TYPES: Mapping[str, Callable[[str], Any]] = {
    "string": str,
    "number": float,
    "boolean": lambda text: _WORDS[text],
    "rational": lambda text: Fraction(text[:40]),
    "sampling": Sampling,
}


def _comparable(value: Any) -> Any:
    """A value of a resource as it is compared: rationals as fractions, TAI times as pairs of numbers."""
    if isinstance(value, dict) and isinstance(value.get("numerator"), int):
        denominator = value.get("denominator", 1)
        return Fraction(value["numerator"], denominator) if isinstance(denominator, int) and denominator else None
    return value


def _order(one: Any, other: Any) -> int | None:
    """-1, 0 or 1; ``None`` where they do not compare."""
    if isinstance(one, str) and isinstance(other, str):
        times = _TIME.fullmatch(one), _TIME.fullmatch(other)
        if times[0] and times[1]:
            one, other = tuple(map(int, times[0].groups())), tuple(map(int, times[1].groups()))
    elif not (_is_number(one) and _is_number(other)):
        return 0 if one is None and other is None else None
    return int(one > other) - int(one < other)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | Fraction) and not isinstance(value, bool)


_TIME = re.compile(r"([0-9]{1,12}):([0-9]{1,9})")


# ---- tests


class _Compiler:
    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup

    def test(self, term: Term) -> Test:
        if isinstance(term, str):
            raise BadRequest(f"query.rql: a call such as eq(label,x) is expected where {term[:40]!r} stands")
        make = getattr(self, f"_{term.name}_", None) if _NAME.fullmatch(term.name) else None
        if make is None:
            raise NotSupported(f"query.rql: {term.name[:40] or '()'} is not supported")
        test: Test = make(*term.arguments[:_MAX_ARGUMENTS])
        return test

    # logic

    def _and_(self, *terms: Term) -> Test:
        tests = [self.test(term) for term in terms]
        return lambda body: all(test(body) for test in tests)

    def _or_(self, *terms: Term) -> Test:
        tests = [self.test(term) for term in terms]
        return lambda body: any(test(body) for test in tests)

    def _not_(self, *terms: Term) -> Test:
        (term,) = _exactly("not", 1, terms)
        test = self.test(term)
        return lambda body: not test(body)

    # comparisons

    def _eq_(self, *terms: Term) -> Test:
        find, wanted = self._pair("eq", terms)
        if wanted is None:  # what is not there is as if it were null
            return lambda body: all(value is None for value in find(body))
        return lambda body: any(same(value, wanted) for value in find(body))

    def _ne_(self, *terms: Term) -> Test:
        find, wanted = self._pair("ne", terms)
        if wanted is None:
            return lambda body: any(value is not None for value in find(body))
        return lambda body: not any(same(value, wanted) for value in find(body))

    def _gt_(self, *terms: Term) -> Test:
        return self._ordered("gt", terms, (1,))

    def _ge_(self, *terms: Term) -> Test:
        return self._ordered("ge", terms, (0, 1))

    def _lt_(self, *terms: Term) -> Test:
        return self._ordered("lt", terms, (-1,))

    def _le_(self, *terms: Term) -> Test:
        return self._ordered("le", terms, (-1, 0))

    def _ordered(self, name: str, terms: tuple[Term, ...], accepted: tuple[int, ...]) -> Test:
        find, wanted = self._pair(name, terms)
        return lambda body: any(_order(value, wanted) in accepted for value in find(body))

    # lists

    def _in_(self, *terms: Term) -> Test:
        find, wanted = self._list("in", terms)
        null = None in wanted

        def test(body: JSON) -> bool:
            found = list(find(body))
            return (null and not found) or any(same(value, one) for value in found for one in wanted)

        return test

    def _out_(self, *terms: Term) -> Test:
        test = self._in_(*terms)
        return lambda body: not test(body)

    def _contains_(self, *terms: Term) -> Test:
        return self._eq_(*_exactly("contains", 2, terms))

    # text

    def _matches_(self, *terms: Term) -> Test:
        if len(terms) not in (2, 3):
            raise BadRequest("query.rql: matches() takes a property, a text, and perhaps i")
        find, text = self._find(terms[0]), unquote_plus(_text("matches", terms[1]).removeprefix("string:"))
        fold = str.casefold if len(terms) == 3 and terms[2] == "i" else str
        found = [_finder(fold(alternative)) for alternative in text.split("|")]
        return lambda body: any(
            isinstance(value, str) and any(test(fold(value)) for test in found) for value in find(body)
        )

    # other resources, and parts of this one

    def _rel_(self, *terms: Term) -> Test:
        reference, term = _exactly("rel", 2, terms)
        path, test = unquote_plus(_text("rel", reference)), self.test(term)
        kind = _REFERENCES.get(path.rpartition(".")[2])
        if kind is None:
            raise NotSupported(f"query.rql: rel() does not follow {path[:40]!r}")

        def related(body: JSON) -> bool:
            ids = (id for id in flat(values_at(body, path)) if isinstance(id, str))
            return any(test(other) for id in ids if (other := self._lookup(kind, id)) is not None)

        return related

    def _sub_(self, *terms: Term) -> Test:
        part, term = _exactly("sub", 2, terms)
        path, test = unquote_plus(_text("sub", part)), self.test(term)
        return lambda body: any(isinstance(item, dict) and test(item) for item in flat(values_at(body, path)))

    # ---- arguments

    def _find(self, term: Term) -> Callable[[JSON], Iterator[Any]]:
        """The values of a property, or how many it has: ``count(channels)``."""
        if isinstance(term, Call):
            if term.name != "count" or len(term.arguments) != 1:
                raise NotSupported(f"query.rql: {term.name[:40]}() is not supported in place of a property")
            path = unquote_plus(_text("count", term.arguments[0]))
            return lambda body: (len(value) for value in values_at(body, path) if isinstance(value, list))
        path = unquote_plus(term)
        if path.rpartition(".")[2] == "components":  # one by one, and as what they are together
            return lambda body: chain(flat(values_at(body, path)), map(sampling, values_at(body, path)))
        return lambda body: map(_comparable, flat(values_at(body, path)))

    def _pair(self, name: str, terms: tuple[Term, ...]) -> tuple[Callable[[JSON], Iterator[Any]], Any]:
        key, value = _exactly(name, 2, terms)
        return self._find(key), _value(value)

    def _list(self, name: str, terms: tuple[Term, ...]) -> tuple[Callable[[JSON], Iterator[Any]], list[Any]]:
        key, values = _exactly(name, 2, terms)
        if isinstance(values, str) or values.name:
            raise BadRequest(f"query.rql: {name}() takes a property and a list in brackets")
        return self._find(key), [_value(value) for value in values.arguments]


def _finder(wanted: str) -> Callable[[str], bool]:
    """Whether a text has ``wanted`` in it or, where that ends with a dollar sign, ends with it."""
    if wanted.endswith("$"):
        return lambda text: text.endswith(wanted[:-1])
    return lambda text: wanted.removesuffix("*") in text


_NAME = re.compile("[a-z]+")
_MAX_ARGUMENTS = 500
_REFERENCES = {f"{kind.value}_id": kind for kind in Kind}


def _exactly(name: str, count: int, terms: tuple[Term, ...]) -> tuple[Term, ...]:
    if len(terms) != count:
        raise BadRequest(f"query.rql: {name}() takes {count} arguments, not {len(terms)}")
    return terms


def _text(name: str, term: Term) -> str:
    if isinstance(term, Call):
        raise BadRequest(f"query.rql: {name}() takes a text where {term.name}() stands")
    return term
