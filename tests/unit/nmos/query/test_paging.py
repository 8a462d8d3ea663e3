"""Pages: every example of IS-04 APIs - Query Parameters, "Pagination", with twenty nodes updated at 0:1 to 0:20."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from appliance.core.types import JSON
from appliance.errors import BadRequest
from appliance.nmos.query.errors import NotSupported
from appliance.nmos.query.paging import MAX_LIMIT, SLICE_WEIGHT, Page, Paging, headers, read_paging, select

URL = "http://api.example.com/x-nmos/query/v1.1/nodes"


@dataclass(frozen=True)
class Node:
    updated: int
    created: int = 0


def pick(
    nodes: Sequence[Node], paging: Paging, newest: int | None = None, shown: Callable[[Node], JSON | None] | None = None
) -> Page[Node]:
    newest = max((node.updated for node in nodes), default=0) if newest is None else newest
    work = select(nodes, newest, paging, shown or (lambda node: {}))
    while True:
        try:
            next(work)
        except StopIteration as done:
            page: Page[Node] = done.value
            return page


def stamps(page: Page[Node]) -> list[int]:
    return [node.updated for node, _ in page.items]


TWENTY = [Node(stamp) for stamp in range(1, 21)]


@pytest.mark.parametrize(
    ("paging", "expected", "since", "until"),
    [
        (Paging(10), range(20, 10, -1), 10, 20),
        (Paging(5), range(20, 15, -1), 15, 20),
        (Paging(10, since=4), range(14, 4, -1), 4, 14),
        (Paging(10, until=16), range(16, 6, -1), 6, 16),
        (Paging(10, since=4, until=16), range(14, 4, -1), 4, 14),
        (Paging(None), range(20, 0, -1), 0, 20),
        (Paging(10, since=15), range(20, 15, -1), 15, 20),
        (Paging(10, since=10), range(20, 10, -1), 10, 20),
        (Paging(20), range(20, 0, -1), 0, 20),
        (Paging(10, since=20), (), 20, 20),
        (Paging(10, since=25), (), 25, 25),
        (Paging(10, until=0), (), 0, 0),
        (Paging(10, since=7, until=7), (), 7, 7),
        (Paging(0, since=7), (), 7, 7),
        (Paging(0, until=7), (), 7, 7),
        (Paging(0), (), 20, 20),
    ],
)
def test_the_page(paging: Paging, expected: Sequence[int], since: int, until: int) -> None:
    page = pick(TWENTY, paging)
    assert stamps(page) == list(expected)
    assert (page.since, page.until) == (since, until)


def test_before_the_first() -> None:
    page = pick([Node(21), Node(22)], Paging(10, until=20))
    assert (stamps(page), page.since, page.until) == ([], 0, 20)


def test_filters_come_before_pages() -> None:
    def odd(node: Node) -> JSON | None:
        return {} if node.updated % 2 else None

    page = pick(TWENTY, Paging(3), shown=odd)
    assert (stamps(page), page.since, page.until) == ([19, 17, 15], 13, 20)
    page = pick(TWENTY, Paging(3, until=page.since), shown=odd)
    assert (stamps(page), page.since, page.until) == ([13, 11, 9], 7, 13)
    page = pick(TWENTY, Paging(3, since=13), shown=odd)
    assert (stamps(page), page.since, page.until) == ([19, 17, 15], 13, 20)
    page = pick(TWENTY, Paging(3), shown=lambda node: {} if node.updated == 15 else None)
    assert (stamps(page), page.since, page.until) == ([15], 0, 20)
    page = pick(TWENTY, Paging(3), shown=lambda node: None)
    assert (stamps(page), page.since, page.until) == ([], 0, 20)


@pytest.mark.parametrize("limit", [1, 3, 7, 20, 50])
def test_walking_through_all_pages_finds_each_once(limit: int) -> None:
    backwards: list[int] = []
    page = pick(TWENTY, Paging(limit))
    while page.items:
        backwards += stamps(page)
        page = pick(TWENTY, Paging(limit, until=page.since))
    assert backwards == list(range(20, 0, -1))
    forwards: list[int] = []
    page = pick(TWENTY, Paging(limit, since=0))
    while page.items:
        forwards += reversed(stamps(page))
        page = pick(TWENTY, Paging(limit, since=page.until))
    assert forwards == list(range(1, 21))


def test_by_creation() -> None:
    nodes = [Node(updated=10, created=3), Node(updated=11, created=1), Node(updated=12, created=2)]
    page = pick(nodes, Paging(2, by_creation=True), newest=12)
    assert [node.created for node, _ in page.items] == [3, 2]
    assert (page.since, page.until) == (1, 12)


def test_many_are_looked_at_in_slices_that_are_shorter_for_a_heavy_query() -> None:
    nodes = [Node(n) for n in range(1, 601)]
    assert sum(1 for _ in select(nodes, 600, Paging(10), lambda node: None, SLICE_WEIGHT // 200)) == 3
    assert sum(1 for _ in select(nodes, 600, Paging(10), lambda node: None, SLICE_WEIGHT // 2)) == 300
    assert sum(1 for _ in select(nodes, 600, Paging(10), lambda node: None, SLICE_WEIGHT * 9)) == 600


def test_the_headers_of_example_1() -> None:
    fields = headers(pick(TWENTY, Paging(10)), Paging(10), URL, [("label", "My%20Node"), ("paging.limit", "10")])
    assert fields["X-Paging-Limit"] == "10"
    assert fields["X-Paging-Since"] == "0:10"
    assert fields["X-Paging-Until"] == "0:20"
    assert fields["Link"].split(", ") == [
        f'<{URL}?label=My%20Node&paging.since=0:20&paging.limit=10>; rel="next"',
        f'<{URL}?label=My%20Node&paging.until=0:10&paging.limit=10>; rel="prev"',
        f'<{URL}?label=My%20Node&paging.since=0:0&paging.limit=10>; rel="first"',
        f'<{URL}?label=My%20Node&paging.limit=10>; rel="last"',
    ]
    assert fields["Access-Control-Expose-Headers"] == "Link, X-Paging-Limit, X-Paging-Since, X-Paging-Until"


def test_without_a_limit_nothing_is_said_of_pages() -> None:
    assert headers(pick(TWENTY, Paging(None)), Paging(None), URL, []) == {}


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({}, Paging(100)),
        ({"paging.limit": "5"}, Paging(5)),
        ({"paging.limit": "0"}, Paging(0)),
        ({"paging.limit": "999999"}, Paging(MAX_LIMIT)),
        ({"paging.since": "1:5", "paging.until": "2:0"}, Paging(100, 1_000_000_005, 2_000_000_000)),
        ({"paging.order": "create"}, Paging(100, by_creation=True)),
    ],
)
def test_reading(params: dict[str, str], expected: Paging) -> None:
    assert read_paging(params, 100) == expected


def test_v1_0_has_pages_only_where_they_are_asked_for() -> None:
    assert read_paging({}, None).limit is None
    assert read_paging({"paging.since": "0:0"}, None).limit == 100


@pytest.mark.parametrize(
    "params",
    [
        {"paging.limit": "-1"},
        {"paging.limit": "x"},
        {"paging.limit": ""},
        {"paging.since": "yesterday"},
        {"paging.until": "5"},
        {"paging.order": "label"},
        {"paging.since": "2:0", "paging.until": "1:0"},
    ],
)
def test_a_wrong_parameter_is_named(params: dict[str, Any]) -> None:
    with pytest.raises(BadRequest, match=next(iter(params))):
        read_paging(params, 100)


def test_an_unknown_one_is_not_supported() -> None:
    with pytest.raises(NotSupported, match=r"paging\.offset"):
        read_paging({"paging.offset": "5"}, 100)
