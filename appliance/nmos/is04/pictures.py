"""What sources, flows and senders of video, ancillary data and mux have beyond what all have.

IS-04's own attributes, and those of the NMOS Flow and Sender Attributes registers as BCP-006-01 wants them of JPEG XS.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from appliance.config.model import Format, SenderConfig
from appliance.config.video import VideoConfig
from appliance.config.video_rules import CODED, JPEG_XS, grain_rate
from appliance.core.types import JSON

_PAYLOAD = 1436
"""Octets of a codestream in a packet: ST 2110-10's standard UDP datagram of 1460, less the headers of UDP and RTP and
of RFC 9134 section 4.3."""
_HEADERS = 20 + 8 + 12 + 4
"""Octets of IPv4, UDP, RTP and JPEG XS headers in each packet."""
_COMPONENTS: Mapping[str, tuple[str, ...]] = {"YCbCr": ("Y", "Cb", "Cr"), "RGB": ("R", "G", "B")}
_SHARED: Mapping[str, tuple[int, int]] = {"": (1, 1), "4:4:4": (1, 1), "4:2:2": (2, 1), "4:2:0": (2, 2)}
"""How many luma samples share a chroma sample in each direction."""


def source(sender: SenderConfig) -> JSON:
    """A source's ``grain_rate`` is a multiple of each of its flows' (IS-04 source_core.json): here the same."""
    return {"grain_rate": _rational(sender.video)}


def flow(sender: SenderConfig) -> JSON:
    video = sender.video
    body: JSON = {"grain_rate": _rational(video)}
    if sender.format is Format.DATA:
        did_sdid = [word.upper().split("/") for word in sender.did_sdid]
        return body | {"DID_SDID": [{"DID": f"0x{did}", "SDID": f"0x{sdid}"} for did, sdid in did_sdid]}
    if sender.format is not Format.VIDEO:
        return body
    body |= {
        "frame_width": video.frame_width,
        "frame_height": video.frame_height,
        "interlace_mode": video.interlace_mode,
        "colorspace": video.colorspace,
        "transfer_characteristic": video.transfer_characteristic,
        "components": _components(video),
    }
    if sender.media_type in CODED:
        coded = {name: getattr(video, name) for name in ("bit_rate", "profile", "level", "sublevel")}
        body |= {name: value for name, value in coded.items() if value is not None}
    return body


def sender(sender: SenderConfig) -> JSON:
    """Sender attributes: ST 2110-21 applies to ST 2110-20 and -22, so to these two media types."""
    video = sender.video
    body: JSON = {}
    if sender.media_type in ("video/raw", JPEG_XS):
        body["st2110_21_sender_type"] = video.st2110_21_sender_type
    if sender.media_type == JPEG_XS:
        body["packet_transmission_mode"] = video.packet_transmission_mode
        body["bit_rate"] = _bit_rate(video)
    return body


def _bit_rate(video: VideoConfig) -> int:
    """Kilobits a second of IP packets, rounded up: a codestream that fills its frames (or fields) as ST 2110-22 wants,
    the same octets each, begins a packet with each of them."""
    units = grain_rate(video.grain_rate) * (1 if video.interlace_mode == "progressive" else 2)
    octets = math.ceil((video.bit_rate or 0) * 125 / units)
    return math.ceil((octets + math.ceil(octets / _PAYLOAD) * _HEADERS) * units / 125)


def _components(video: VideoConfig) -> list[JSON]:
    names, _, ratio = video.color_sampling.partition("-")
    across, down = _SHARED[ratio]
    return [
        {
            "name": name,
            "width": video.frame_width // (across if name.startswith("C") else 1),
            "height": video.frame_height // (down if name.startswith("C") else 1),
            "bit_depth": video.component_depth,
        }
        for name in _COMPONENTS[names]
    ]


def _rational(video: VideoConfig) -> JSON:
    rate = grain_rate(video.grain_rate)
    return {"numerator": rate.numerator, "denominator": rate.denominator}
