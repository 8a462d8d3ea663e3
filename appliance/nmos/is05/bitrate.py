"""How much of a link each leg of a stream takes, in bits a second, with every header and gap between frames.

Reckoned from what IS-04 says of a sender's flow, or from a receiver's transport file: both by IS-04's names. What is
not known of a stream is reckoned as 0; the headers are IPv4's.
"""

from __future__ import annotations

import functools
from fractions import Fraction

from appliance.config.model import SenderConfig
from appliance.core.store import Store
from appliance.core.types import JSON, Kind
from appliance.nmos.is05.endpoint import Endpoint
from appliance.nmos.is05.receiverfile import read_session
from appliance.nmos.is05.sdp.facts import flow_facts
from appliance.nmos.is05.sdp.model import SdpError

_KEPT_FILES = 32
# IEEE 802.3: preamble, header, checksum and gap of each frame; then IPv4, UDP and RTP
_FRAME_BYTES = 8 + 14 + 4 + 12
_HEADERS_BYTES = 20 + 8 + 12
_PACKET_BYTES = 1460
"""What a packet of video has between IP's header and its end, about: as much as fits."""
_SAMPLES_A_PIXEL = {"4:4:4": Fraction(3), "4:2:2": Fraction(2), "4:2:0": Fraction(3, 2), "RGB": Fraction(3)}
_AES3_BITS = 32  # ST 2110-31: a subframe


class BitRates:
    """Of the endpoints of one store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def of(self, endpoint: Endpoint, file: str | None) -> int:
        """Of one leg; ``file`` is a receiver's transport file."""
        if not endpoint.transport.is_rtp:
            return 0
        if not endpoint.is_sender:
            return of_file(file) if file else 0
        sender = self._store.get(Kind.SENDER, endpoint.id) or {}
        flow = self._store.get(Kind.FLOW, endpoint.flow_id or "") or {}
        source = self._store.get(Kind.SOURCE, endpoint.source_id or "") or {}
        packet_time_ms = endpoint.config.packet_time_ms if isinstance(endpoint.config, SenderConfig) else 1.0
        return of_flow(sender, flow, source, packet_time_ms)


@functools.lru_cache(maxsize=_KEPT_FILES)
def of_file(text: str) -> int:
    """Of what a transport file describes."""
    try:
        facts = flow_facts(read_session(text))
    except SdpError:  # whoever activates it says so
        return 0
    if coded := facts.get("transport_bit_rate"):
        return _coded(coded)
    if facts["media_type"].startswith("audio/"):
        # AES67 section 7.2: 1 ms is what a file most likely means that does not say.
        return _audio(facts, facts.get("channel_count") or 1, facts.get("packet_time") or 1.0)
    if facts["media_type"] != "video/raw":
        return 0
    depth, sampling = facts.get("component_depth") or 0, str(facts.get("color_sampling") or "")
    samples = next((count for name, count in _SAMPLES_A_PIXEL.items() if sampling.endswith(name)), Fraction(1))
    return _raw_video(facts, samples * depth * (facts.get("frame_width") or 0) * (facts.get("frame_height") or 0))


def of_flow(sender: JSON, flow: JSON, source: JSON, packet_time_ms: float) -> int:
    """Of a sender of this box."""
    if coded := sender.get("bit_rate"):
        return _coded(coded)
    media_type = flow.get("media_type", "")  # there is no flow yet while a new sender is being made
    if media_type.startswith("audio/"):
        return _audio(flow, len(source.get("channels", ())), packet_time_ms)
    if media_type != "video/raw":
        return 0
    components = flow.get("components", ())
    rated = flow if flow.get("grain_rate") else {**flow, "grain_rate": source.get("grain_rate")}
    return _raw_video(rated, Fraction(sum(c["width"] * c["height"] * c["bit_depth"] for c in components)))


def _coded(kilobits: int) -> int:
    """Of what a format says itself: RTP, UDP and IP included (RFC 8866 section 5.8, BCP-006-01)."""
    return kilobits * 1000 * (_PACKET_BYTES + _FRAME_BYTES) // _PACKET_BYTES


def _audio(flow: JSON, channels: int, packet_time_ms: float) -> int:
    depth = flow.get("bit_depth") or flow.get("sample_depth") or 0
    if flow["media_type"] == "audio/AM824":
        depth = _AES3_BITS
    rate = flow.get("sample_rate") or {"numerator": 0}
    samples = rate["numerator"] / (rate.get("denominator") or 1)
    headers = 1000 / packet_time_ms * 8 * (_HEADERS_BYTES + _FRAME_BYTES)
    return round(samples * channels * depth + headers) if depth else 0


def _raw_video(flow: JSON, bits_a_frame: Fraction) -> int:
    """Nothing is sent of the lines between frames (ST 2110-20 section 6.1.1)."""
    carried = _PACKET_BYTES - _HEADERS_BYTES
    return round(bits_a_frame * _rate(flow, "grain_rate") * (_PACKET_BYTES + _FRAME_BYTES) / carried)


def _rate(flow: JSON, name: str) -> Fraction:
    rate = flow.get(name)
    return Fraction(rate["numerator"], rate.get("denominator") or 1) if rate else Fraction(0)
