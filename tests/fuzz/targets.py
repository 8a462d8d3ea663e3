"""What is fuzzed, each with the inputs to begin from. A target that raises anything but an ApplianceError has a bug."""

import contextlib
import itertools
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import cbor2

from appliance.config.loader import parse as parse_config
from appliance.core import backup, journal
from appliance.core.ids import Identities
from appliance.core.types import JSON, Kind
from appliance.discovery import cache
from appliance.discovery.catalogue import Resource
from appliance.discovery.documents import read_grain, read_list, read_object
from appliance.discovery.limits import DEFAULT_LIMITS
from appliance.discovery.manifests import read_url
from appliance.discovery.query import read_query
from appliance.discovery.resources import fault
from appliance.discovery.txt import read_node_txt, read_service_txt
from appliance.discovery.world import SenderEntry
from appliance.errors import ApplianceError, BadRequest
from appliance.media.figures import Heard
from appliance.network import lldp, ptp
from appliance.nmos.is05.sdp.parse import parse as parse_sdp
from appliance.nmos.is05.sdp.write import write as write_sdp
from appliance.nmos.is07.messages import read_command, read_message
from appliance.nmos.is07.mqtt import PacketGuard
from appliance.nmos.is08.matrix import matrix
from appliance.nmos.is08.request import read_request
from appliance.nmos.is09.settings import read_global
from appliance.nmos.is10.access import check_audience, check_path, check_time
from appliance.nmos.is10.documents import read_granted, read_metadata, read_registration
from appliance.nmos.is10.tokens import read_token
from appliance.nmos.query.rql import compile_rql
from appliance.nmos.query.versions import show
from appliance.panel.describe import source_item
from appliance.panel.fit import fit
from appliance.panel.text import clean, find_key, fitted, natural_key
from tests.fuzz import requests
from tests.lan.box import CHECKOUT
from tests.support.specs import examples, peers_folder, specs_folder
from tests.support.tokens import HEADER, claims, unsigned
from tests.unit.nmos.is05.boxes import IDENTITIES, multicast_sdp, pair_sdp

EVERYTHING = (CHECKOUT / "docs" / "examples" / "everything.toml").read_text(encoding="utf-8")
VERSIONS = ("v1.0", "v1.1", "v1.2", "v1.3")


@dataclass(frozen=True, slots=True)
class Target:
    run: Callable[[bytes], object]
    corpus: Callable[[], Iterable[bytes]]

    def __call__(self, data: bytes) -> None:
        why = "taken"
        try:
            self.run(data)
        except ApplianceError as refused:
            why = str(refused)
        assert why, "an error says what is wrong"
        why.encode()  # it can be sent, and logged


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


# ---- targets


def sdp(data: bytes) -> None:
    """What is read can be written, and read again as the same."""
    session = parse_sdp(data)
    assert parse_sdp(write_sdp(session)) == session


def state(data: bytes) -> None:
    """Whatever is on the flash: the box starts, with whole commits only."""
    kept = journal.read(data)
    list(kept.resources())
    list(kept.aspects())


def framed(data: bytes) -> None:
    """The same in frames that are whole, so that the decoders are reached."""
    state(journal.header(IDENTITIES.seed) + journal.frame(data))
    whole = [cbor2.dumps({"product": cache.PRODUCT, "schema": cache.SCHEMA}), data, cbor2.dumps({"end": 2})]
    peer_cache(b"".join(map(journal.frame, whole)))


def kept(data: bytes) -> None:
    """A backup that somebody hands in."""
    backup.unpack(journal.frame(data))


def peer_cache(data: bytes) -> None:
    list(cache.load(data))


def documents(data: bytes) -> None:
    for read in (read_list, lambda body: read_grain(_text(body))):
        try:
            list(itertools.islice(read(data), 1000))
        except ApplianceError:
            continue
    read_object(data)


def menu(data: bytes) -> None:
    """What a peer says of a sender: it is refused, or shown and judged, and shown by the local Query API."""
    body = _json(data)
    if not isinstance(body, dict):
        return
    kinds = {kind.value: kind for kind in Kind}
    given = {name: part for name, part in body.items() if name in kinds}
    sound = {
        name: part for name, part in given.items() if fault(kinds[name], part, DEFAULT_LIMITS.string_chars) is None
    }
    for name, part in sound.items():
        for version in VERSIONS:
            show(Resource(kinds[name], part, "v1.3", "p", 0, 0), version, "v1.0")
    if "sender" in sound:
        sound.pop("receiver", None)
        entry = SenderEntry(peer="p", **{"flow": None, "source": None, "device": None, "node": None, **sound})
        source_item(entry, (), ()).to_json()
        for receiver in RECEIVERS:
            fit(entry, receiver)


def _capable(format: str, media_type: str, constraints: JSON) -> JSON:
    sets = [{f"urn:x-nmos:cap:{name}": value for name, value in constraints.items()}]
    return {
        "id": "r", "label": "r", "format": f"urn:x-nmos:format:{format}", "transport": "urn:x-nmos:transport:rtp",
        "caps": {"media_types": [media_type], "constraint_sets": sets, "version": "1:0"},
    }  # fmt: skip


RECEIVERS = (
    _capable("audio", "audio/L24", {
        "format:sample_rate": {"enum": [{"numerator": 48000}]}, "format:channel_count": {"minimum": 1, "maximum": 8},
        "format:sample_depth": {"enum": [24]}, "transport:packet_time": {"enum": [1, 0.125]},
    }),
    _capable("video", "video/raw", {
        "format:frame_width": {"enum": [1920]}, "format:grain_rate": {"minimum": {"numerator": 25}},
        "format:color_sampling": {"enum": ["YCbCr-4:2:2"]}, "format:interlace_mode": {"enum": ["progressive"]},
    }),
    _capable("data", "video/smpte291", {"format:event_type": {"enum": ["x"]}}),
)  # fmt: skip


def query(data: bytes) -> None:
    """A question, and an answer to it for resources of every shape."""
    test = compile_rql(_text(data), lambda kind, id: {"id": id, "label": "x"})
    for body in QUERIED:
        test(body)


QUERIED: tuple[JSON, ...] = (
    {},
    {"id": "a", "label": "x", "tags": {"a": ["b"]}, "flow_id": "f", "caps": {"media_types": ["audio/L24"]}},
    {"label": None, "channels": [{"label": 1}, []], "rate": {"numerator": 10**400}, "nan": float("nan")},
)


def channel_map(data: bytes) -> None:
    body = _json(data)
    if isinstance(body, dict):
        read_request(body, MATRIX)


MATRIX = matrix(parse_config(EVERYTHING), Identities(IDENTITIES.seed))


def label(data: bytes) -> None:
    """Any label can be shown in any width."""
    text = clean(_text(data))
    assert text == clean(text)
    text.encode()
    find_key(text)
    natural_key(text)
    for size in (0, 1, 7, 40):
        fitted(text, size)


def packets(data: bytes) -> None:
    """However a broker's bytes are cut, the verdict is the same."""
    whole, cut = PacketGuard(1000), PacketGuard(1000)
    assert whole.feed(data) == all(cut.feed(data[at : at + 3]) for at in range(0, len(data), 3))


def pipeline(data: bytes) -> None:
    """What a pipeline says on its standard output."""
    heard = Heard(legs=2, packet_s=0.001)
    for line in _text(data).splitlines():
        heard.line(line, 0.0)
    heard.figures(0.0)


def system_settings(data: bytes) -> None:
    read_global(_json(data))


# ---- inputs to begin from


def _files(pattern: str) -> Iterator[bytes]:
    for folder in (specs_folder(), peers_folder()):
        for file in sorted(folder.rglob(pattern)):
            yield file.read_bytes()


def _documents() -> Iterator[bytes]:
    for version in VERSIONS:
        for _, document in examples("is-04", version):
            yield json.dumps(document).encode()


def _menus() -> Iterator[bytes]:
    made: dict[str, Any] = {}
    for name, document in examples("is-04", "v1.3"):
        for kind in Kind:
            if name == f"queryapi-{kind.value}s-get-200":
                for part in document:
                    made[kind.value] = part
                    yield json.dumps(made).encode()


def _transport_files() -> Iterator[bytes]:
    yield from _files("*.sdp")
    yield multicast_sdp().encode()
    yield pair_sdp().encode()


def _examples(spec: str, version: str) -> Callable[[], Iterator[bytes]]:
    return lambda: (json.dumps(document).encode() for _, document in examples(spec, version))


def access_token(data: bytes) -> None:
    token = read_token(_text(data))
    check_time(token, 1000)
    check_audience(token, {"box.example.com"})
    check_path(token, "PATCH", "/x-nmos/node/v1.3/self")


def access_claims(data: bytes) -> None:
    """A well-formed token around any claims, or any header around good ones."""
    access_token(unsigned(data).encode())
    access_token(unsigned(claims(), data).encode())


def authorization_server(data: bytes) -> None:
    for read in (read_metadata, read_granted, lambda body: read_registration(body, "https://a", "events", "x")):
        with contextlib.suppress(BadRequest):
            read(data)


def _states() -> Iterator[bytes]:
    frame = journal.FrameBuilder(2)
    frame.add(("connection", "a"), {"staged": {"x": 1}, "active": None})
    frame.add(("sender", "b"), {"id": "b", "version": "1:0"})
    yield journal.header(IDENTITIES.seed) + b"".join(frame.chunks())
    yield journal.header(IDENTITIES.seed)


def _staged() -> Iterator[bytes]:
    for name, document in examples("is-05", "v1.1"):
        if "patch" in name or "post" in name:
            yield json.dumps(document).encode()


def _seeds(*texts: bytes) -> Callable[[], Iterable[bytes]]:
    return lambda: texts


TARGETS: dict[str, Target] = {
    "sdp": Target(sdp, _transport_files),
    "node-txt": Target(read_node_txt, _seeds(b"\x0eapi_proto=http\x10api_ver=v1.2,v1.3\x09ver_slf=1")),
    "service-txt": Target(read_service_txt, _seeds(b"\x0eapi_proto=http\x06pri=10\x0eapi_auth=false")),
    "mdns-query": Target(read_query, _seeds(b"\0\0\0\0\0\1\0\0\0\0\0\0\x0a_nmos-node\x04_tcp\x05local\0\0\x0c\0\1")),
    "config": Target(
        lambda data: parse_config(_text(data)), lambda: (part.encode() for part in EVERYTHING.split("\n\n"))
    ),
    "state": Target(state, _states),
    "framed-state": Target(
        framed,
        _seeds(cbor2.dumps([["connection", "a", {"x": 1}]]), cbor2.dumps([["sender", "b", {"version": "1:0"}], [1]])),
    ),
    "backup": Target(
        kept, _seeds(journal.payload_of(backup.pack(backup.Backup(IDENTITIES.seed, {}, "1", "now"))) or b"")
    ),
    "peer-cache": Target(peer_cache, _seeds(cbor2.dumps({"product": "nmos-appliance", "schema": 1}))),
    "documents": Target(documents, _documents),
    "menu": Target(menu, _menus),
    "rql": Target(
        query,
        _seeds(b"and(eq(label,x),in(format,(a,b)),gt(rate,number:5))", b"or(matches(label,a*),not(eq(a.b,null)))"),
    ),
    "url": Target(
        lambda data: read_url(_text(data)), _seeds(b"http://10.0.0.1:80/x.sdp?a=b", b"http://[fe80::1%25eth0]/")
    ),
    "event-message": Target(read_message, _examples("is-07", "v1.0")),
    "event-command": Target(
        read_command,
        _seeds(b'{"command": "subscription", "sources": []}', b'{"command":"health","timestamp":"1:0"}'),
    ),
    "channel-map": Target(channel_map, _examples("is-08", "v1.0")),
    "system-settings": Target(system_settings, _examples("is-09", "v1.0")),
    "access-token": Target(access_token, lambda: (unsigned(claims()).encode(),)),
    "access-claims": Target(access_claims, lambda: (json.dumps(claims()).encode(), json.dumps(HEADER).encode())),
    "authorization-server": Target(
        authorization_server,
        _seeds(
            b'{"access_token":"a.b.c","token_type":"Bearer","expires_in":60}',
            b'{"client_id":"a","client_secret":"b","client_secret_expires_at":0}',
            b'{"issuer":"https://a","jwks_uri":"https://a/k","token_endpoint":"https://a/t",'
            b'"registration_endpoint":"https://a/r"}',
        ),
    ),
    "ptp": Target(ptp.parse, _seeds(ptp.subscription(10), bytes(60))),
    "lldp": Target(
        lambda data: (lldp.neighbours(_text(data)), lldp.own_chassis_id(_text(data))),
        _seeds(
            b'{"lldp": {"interface": {"eth0": {"chassis": {"sw": {"id": {"type": "mac", "value": "00:11:22:33:44:55"}},'
            b' "port": {"id": {"type": "ifname", "value": "1"}}}}}}}'
        ),
    ),
    "label": Target(label, _seeds("Zoë 麦克风 سلام e\u0301 \u202e Mic 10".encode())),
    "mqtt-packets": Target(packets, _seeds(b"\x20\x02\x00\x00\x30\x07\x00\x03a/bhi", b"\x30\xff\xff\x7f")),
    "pipeline": Target(
        pipeline, _seeds(b"Got message #1 from element level: level, rms=(GValueArray)< -3.1, -3.2 >;\nx")
    ),
    "http": Target(
        requests.http,
        _seeds(
            b"GET /x-nmos/kept HTTP/1.1\r\nHost: box\r\n\r\n",
            b"POST /x HTTP/1.1\r\nHost: box\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n",
            b'PATCH /x HTTP/1.1\r\nHost: box\r\nContent-Length: 2\r\nIf-None-Match: "a"\r\n\r\n{}',
        ),
    ),
    "staged": Target(requests.staged, _staged),
    "presets": Target(requests.preset_file, _seeds(requests.PRESETS.encode())),
    "registry": Target(
        requests.registry, _seeds(b'["v1.2/", "v1.3/"]', b'{"code": 400, "error": "no", "debug": null}')
    ),
    "netlink": Target(requests.netlink, _seeds(requests.NETLINK)),
    "subscription": Target(requests.subscription, _seeds(requests.SUBSCRIPTION)),
    "annotation": Target(requests.annotation, _seeds(*requests.ANNOTATIONS)),
    "rtp": Target(requests.rtp, _seeds(requests.RTP)),
}
