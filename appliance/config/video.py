"""What a configuration says of pictures: those that are sent, and those that are taken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class VideoConfig:
    """[senders.video]: the picture that a sender of video sends, in the words of IS-04 flows and of the registers.

    ``grain_rate`` is in frames a second ("25", "30000/1001"); ancillary data and mux have it from the picture that they
    go with. Of coded video ``bit_rate`` is the codestream's in kilobits a second; of JPEG XS, a ``profile``, ``level``
    or ``sublevel`` that is not set is unrestricted (BCP-006-01).
    """

    frame_width: int = 1920
    frame_height: int = 1080
    grain_rate: str = "25"
    interlace_mode: Literal["progressive", "interlaced_tff", "interlaced_bff", "interlaced_psf"] = "progressive"
    color_sampling: Literal["YCbCr-4:4:4", "YCbCr-4:2:2", "YCbCr-4:2:0", "RGB"] = "YCbCr-4:2:2"
    component_depth: int = 10
    colorspace: Literal["BT601", "BT709", "BT2020", "BT2100"] = "BT709"
    transfer_characteristic: Literal["SDR", "HLG", "PQ"] = "SDR"
    bit_rate: int | None = None
    profile: str | None = None
    level: str | None = None
    sublevel: str | None = None
    packet_transmission_mode: Literal["codestream", "slice_sequential", "slice_out_of_order"] = "codestream"
    st2110_21_sender_type: Literal["2110TPN", "2110TPNL", "2110TPW"] = "2110TPW"


@dataclass(frozen=True, slots=True)
class AcceptConfig:
    """[[receivers.accepts]]: one kind of stream that a receiver of video, ancillary data or mux can take: a constraint
    set of BCP-004-01, whose words these are. One of them has to be met; without any it takes what its driver can.

    Each list has the values that are taken; an empty one leaves it open. ``preference`` is -100 to 100. One that is not
    ``enabled`` is for people to know: the receiver could, were it configured so. ``max_bit_rate`` is in kilobits a
    second on the network.
    """

    label: str
    preference: int = 0
    enabled: bool = True
    media_type: tuple[str, ...] = ()
    grain_rate: tuple[str, ...] = ()
    frame_width: tuple[int, ...] = ()
    frame_height: tuple[int, ...] = ()
    interlace_mode: tuple[str, ...] = ()
    color_sampling: tuple[str, ...] = ()
    component_depth: tuple[int, ...] = ()
    colorspace: tuple[str, ...] = ()
    transfer_characteristic: tuple[str, ...] = ()
    profile: tuple[str, ...] = ()
    level: tuple[str, ...] = ()
    sublevel: tuple[str, ...] = ()
    packet_transmission_mode: tuple[str, ...] = ()
    st2110_21_sender_type: tuple[str, ...] = ()
    max_bit_rate: int | None = None
