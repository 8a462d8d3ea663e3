"""What the controller nmos-js asks of a network of boxes through the local Query API of one, asked again.

`nmos_js_requests.json` was recorded while sony/nmos-js ran in Chromium on the display's host, with its Query API set to
http://127.0.0.1:8081/x-nmos/query/...: lists, details, pages and filters; a receiver connected on its Connect tab; the
switches and forms of IS-05; subscriptions; basic queries in place of RQL; older versions. A name in braces stands for
an id ("{senders/Stage 04}") or for what is different each time. `follow`: the request is for a page that the Link of
the list before it leads to. `found` is what the answer told: which resources, or what is staged or active.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.integration.conftest import StartBox
from tests.lan import http
from tests.lan.box import Box
from tests.lan.http import Answer
from tests.lan.network import Lan
from tests.lan.waiting import eventually
from tests.support.specs import problems

RECORDING = json.loads((Path(__file__).parent / "nmos_js_requests.json").read_text(encoding="utf-8"))
KINDS = ("nodes", "devices", "sources", "flows", "senders", "receivers")
QUERY = "http://127.0.0.1:8081"

SOURCE = """
[node]
label = "Source"
[media]
driver = "null"
[[devices]]
name = "stage"
label = "Stage"
""" + "".join(
    f"""
[[senders]]
name = "s{number:02}"
device = "stage"
label = "Stage {number:02}"
media_type = "audio/{"L16" if number % 2 else "L24"}"
"""
    for number in range(1, 13)
)
DISPLAY = """
[node]
label = "Display"
[media]
driver = "null"
[[devices]]
name = "foyer"
label = "Foyer"
[[receivers]]
name = "speaker"
device = "foyer"
label = "Foyer speaker"
output = { kind = "none" }
[[receivers]]
name = "recorder"
device = "foyer"
label = "Recorder"
transport = "rtp.mcast"
output = { kind = "none" }
"""


@dataclass
class Network:
    """The two boxes, and what the names of the recording stand for on them."""

    source: Box
    display: Box
    names: dict[str, str]
    links: dict[str, str] = field(default_factory=dict)

    def filled(self, told: Any) -> Any:
        """A part of a recorded request with the names in it replaced."""
        if isinstance(told, dict):
            return {key: self.filled(value) for key, value in told.items()}
        if isinstance(told, list):
            return [self.filled(value) for value in told]
        return re.sub(r"\{([^{}]+)\}", lambda name: self.names[name[1]], told) if isinstance(told, str) else told

    def ask(self, asked: dict[str, Any]) -> tuple[str, Answer]:
        """The recorded request as the page sends it: its path, and the answer."""
        bases = {"query": QUERY, "display": self.display.url, "source": self.source.url}
        url = bases[asked["at"]] + self.filled(asked["path"])
        if "follow" in asked:
            url = self.links[asked["follow"]]
        body = json.dumps(self.filled(asked["body"])).encode() if "body" in asked else None
        headers = {"Origin": RECORDING["origin"], **asked.get("headers", {})}
        parts = urlsplit(url)
        return f"{parts.path}?{parts.query}", http.request(self.display.host, asked["method"], url, body, headers)


@pytest.fixture
def network(lan: Lan, start_box: StartBox) -> Network:
    source = start_box(lan.host("source"), SOURCE, name="source")
    display = start_box(lan.host("display"), DISPLAY, name="display", port=8081)

    def known() -> bool:
        everything = [display.json(f"/x-nmos/query/v1.3/{plural}?paging.limit=100") for plural in KINDS]
        return list(map(len, everything)) == [2, 2, 12, 12, 12, 2] and as_served(display, source)

    eventually(known, "the boxes to know each other")
    names = {"address of source": source.host.address(), "subscription": ""}
    for plural in KINDS:
        for body in display.json(f"/x-nmos/query/v1.3/{plural}?paging.limit=100"):
            names[f"{plural}/{body['label']}"] = body["id"]
    for sender in source.json("/x-nmos/node/v1.3/senders"):
        path = f"/x-nmos/connection/v1.1/single/senders/{sender['id']}"
        names[f"transport file of senders/{sender['label']}"] = source.get(f"{path}/transportfile").text
        [leg] = source.json(f"{path}/active")["transport_params"]
        names[f"group of senders/{sender['label']}"] = leg["destination_ip"]
    return Network(source, display, names)


def as_served(display: Box, source: Box) -> bool:
    """Whether the display knows the senders of the source as they are now."""
    told = display.json("/x-nmos/query/v1.3/senders?paging.limit=100")
    return {body["id"]: body for body in told} == {
        body["id"]: body for body in source.json("/x-nmos/node/v1.3/senders")
    }


def test_everything_that_nmos_js_asks_is_answered(network: Network) -> None:
    for number, asked in enumerate(RECORDING["requests"]):
        path, answer = network.ask(asked)
        what = f"request {number}, {asked['step']}: {asked['method']} {path}"
        assert answer.status == asked["status"], f"{what}: {answer.body[:500]!r}"
        assert list(wrong(network, asked, path, answer)) == [], what
        if asked["method"] not in ("GET", "OPTIONS"):
            eventually(lambda: as_served(network.display, network.source), "what was changed to be known")
    methods = {asked["method"] for asked in RECORDING["requests"]}
    assert methods == {"GET", "OPTIONS", "PATCH", "POST", "DELETE"}


def wrong(network: Network, asked: dict[str, Any], path: str, answer: Answer) -> Iterator[str]:
    """What a page of another origin, or the specification, would not be content with."""
    if answer.headers.get("access-control-allow-origin") != "*":
        yield "its origin is not allowed"
    if asked["method"] == "OPTIONS":
        yield from refused(asked["headers"], answer)
    elif answer.status == 204 or path.partition("?")[0].rstrip("/").endswith("transportfile"):
        pass
    elif asked["at"] == "query":
        yield from wrong_in_query(network, asked, path, answer)
    else:
        yield from wrong_in_connection(network, asked, path, answer)


def refused(headers: dict[str, str], answer: Answer) -> Iterator[str]:
    """What of a preflight the browser would not go on after (Fetch, "CORS-preflight fetch")."""
    for key in ("method", "headers"):
        allowed = answer.headers[f"access-control-allow-{key.removesuffix('s')}s"].lower().replace(" ", "").split(",")
        if headers[f"access-control-request-{key}"].lower() not in allowed:
            yield f"{key}: only {allowed}"


def wrong_in_query(network: Network, asked: dict[str, Any], path: str, answer: Answer) -> Iterator[str]:
    body = answer.json()
    _, _, _, version, plural, *single = path.partition("?")[0].split("/")
    name = plural.removesuffix("s") if single else plural
    if plural == "subscriptions":
        many = not single and asked["method"] == "GET"
        name = f"queryapi-subscription{'s' if many else ''}-response"
        if asked["method"] == "POST":
            network.names["subscription"] = body["id"]
    yield from problems("is-04", version, name, body)
    ids = [one["id"] for one in (body if isinstance(body, list) else [body])]
    expected = [network.names[name] for name in asked["found"]]
    if sorted(ids) != sorted(expected):
        named = {id: name for name, id in network.names.items()}
        yield f"found {[named.get(id, id) for id in ids]}"
    if isinstance(body, list):
        yield from wrong_in_pages(network, path, answer)


def wrong_in_pages(network: Network, path: str, answer: Answer) -> Iterator[str]:
    """The page reads Link, and may only do so where the answer exposes it."""
    limit = re.search(r"paging\.limit=([0-9]+)", path)
    exposed = answer.headers["access-control-expose-headers"]
    for name, pattern in {
        "X-Paging-Limit": limit[1] if limit else "100",
        "X-Paging-Since": "[0-9]+:[0-9]+",
        "X-Paging-Until": "[0-9]+:[0-9]+",
        "Link": ".+",
    }.items():
        if name not in exposed or not re.fullmatch(pattern, answer.headers[name.lower()]):
            yield f"{name}: {answer.headers[name.lower()]}, exposed: {exposed}"
    network.links = {rel: url for url, rel in re.findall('<([^>]+)>; rel="([a-z]+)"', answer.headers["link"])}
    if set(network.links) != {"first", "last", "next", "prev"}:
        yield f"Link: {answer.headers['link']}"
    kept = [part for part in path.partition("?")[2].split("&") if part and not part.startswith("paging.")]
    for url in network.links.values():
        if not url.startswith(QUERY + path.partition("?")[0] + "?") or not all(part in url for part in kept):
            yield f"Link leads to {url}"


def wrong_in_connection(network: Network, asked: dict[str, Any], path: str, answer: Answer) -> Iterator[str]:
    body = answer.json()
    part = path.partition("?")[0].rstrip("/").rpartition("/")[2]
    kind = "receiver" if "/receivers/" in path else "sender"
    schemas = {"constraints": "constraints-schema", "transporttype": "transporttype-response-schema"}
    schemas |= dict.fromkeys(("staged", "active"), f"{kind}-response-schema")
    yield from problems("is-05", path.split("/")[3], schemas.get(part, f"connectionapi-{kind}"), body)
    if part in ("staged", "active"):
        peer = body["sender_id" if kind == "receiver" else "receiver_id"]
        told = {"master_enable": body["master_enable"], "peer": peer}
        if told != network.filled(asked["found"]):
            yield f"{part}: {told}"
