"""PTP as linuxptp's management socket tells it: the messages that are asked and answered, as bytes and as values.

IEEE 1588-2008 clause 15 has the management messages: a header of 34 bytes (clause 13.3), whom it is for, and one TLV.
Only questions are built here, and one thing more: ``SUBSCRIBE_EVENTS_NP``, linuxptp's own, which asks to be told.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from appliance.errors import ApplianceError

EVERY_PORT = 0xFFFF
MAX_MESSAGE = 1500


class PtpError(ApplianceError):
    """What came is no management message, or not as long as it should be."""


class Action(IntEnum):
    """IEEE 1588-2008 table 38."""

    GET = 0
    SET = 1
    RESPONSE = 2
    COMMAND = 3
    ACKNOWLEDGE = 4


class Id(IntEnum):
    """The managementIds that are used here (IEEE 1588-2008 table 40; from 0xC000 on they are linuxptp's own)."""

    DEFAULT_DATA_SET = 0x2000
    CURRENT_DATA_SET = 0x2001
    PARENT_DATA_SET = 0x2002
    TIME_PROPERTIES_DATA_SET = 0x2003
    PORT_DATA_SET = 0x2004
    SUBSCRIBE_EVENTS_NP = 0xC003


class PortState(IntEnum):
    """IEEE 1588-2008 table 8."""

    INITIALIZING = 1
    FAULTY = 2
    DISABLED = 3
    LISTENING = 4
    PRE_MASTER = 5
    MASTER = 6
    PASSIVE = 7
    UNCALIBRATED = 8
    SLAVE = 9


@dataclass(frozen=True, slots=True)
class PortIdentity:
    """A clock (8 bytes) and one of its ports."""

    clock: bytes
    port: int

    def to_bytes(self) -> bytes:
        return self.clock + struct.pack("!H", self.port)

    @classmethod
    def from_bytes(cls, data: bytes) -> PortIdentity:
        return cls(data[:8], int.from_bytes(data[8:10]))


ANYBODY = PortIdentity(b"\xff" * 8, EVERY_PORT)


@dataclass(frozen=True, slots=True)
class Management:
    """One management message. ``error`` in place of ``data`` where that was refused (clause 15.5.4)."""

    domain: int
    source: PortIdentity
    target: PortIdentity
    sequence: int
    action: int
    id: int
    data: bytes = b""
    error: int | None = None

    def to_bytes(self) -> bytes:
        data = self.data + b"\0" * (len(self.data) % 2)
        if self.error is None:
            tlv = _TLV.pack(_TLV_MANAGEMENT, 2 + len(data), self.id) + data
        else:
            tlv = _ERROR.pack(_TLV_ERROR_STATUS, 8, self.error, self.id, 0)
        length = _HEADER.size + _ADDRESSED.size + len(tlv)
        # No boundary hops: the question is for this ptp4l, and must not go out of its ports to others (clause 15.3).
        return (
            _HEADER.pack(_TYPE, _VERSION, length, self.domain, self.source.to_bytes(), self.sequence, _CONTROL, 0x7F)
            + _ADDRESSED.pack(self.target.to_bytes(), 0, 0, self.action)
            + tlv
        )


def parse(datagram: bytes) -> Management:
    """The message of a datagram; :class:`PtpError` where it is none."""
    try:
        kind, version, length, domain, source, sequence, _, _ = _HEADER.unpack_from(datagram)
        target, _, _, action = _ADDRESSED.unpack_from(datagram, _HEADER.size)
        tlv_type, tlv_length, id = _TLV.unpack_from(datagram, _BODY)
        if kind & 0x0F != _TYPE or version & 0x0F != _VERSION or not _BODY + 4 + tlv_length <= length <= len(datagram):
            raise PtpError("not a PTP management message")
        parties = (PortIdentity.from_bytes(source), PortIdentity.from_bytes(target))
        if tlv_type == _TLV_ERROR_STATUS:
            _, _, error, id, _ = _ERROR.unpack_from(datagram, _BODY)
            return Management(domain, *parties, sequence, action & 0x0F, id, error=error)
    except struct.error:
        raise PtpError("a PTP management message that is too short") from None
    if tlv_type != _TLV_MANAGEMENT:
        raise PtpError(f"a PTP management message with a TLV of type {tlv_type}")
    data = datagram[_BODY + _TLV.size : _BODY + 4 + tlv_length]
    return Management(domain, *parties, sequence, action & 0x0F, id, data)


@dataclass(frozen=True, slots=True)
class DefaultDataSet:
    """This clock itself (clause 15.5.3.3.1)."""

    clock: bytes
    domain: int
    slave_only: bool = False

    @classmethod
    def from_bytes(cls, data: bytes) -> DefaultDataSet:
        flags, clock, domain = _unpacked(_DEFAULT, data)
        return cls(clock, domain, bool(flags & 2))

    def to_bytes(self) -> bytes:
        return _DEFAULT.pack(2 if self.slave_only else 0, self.clock, self.domain)


@dataclass(frozen=True, slots=True)
class CurrentDataSet:
    """How far away the grandmaster is, in clocks and in time (clause 15.5.3.4.1)."""

    steps_removed: int
    offset_ns: float
    mean_path_delay_ns: float

    @classmethod
    def from_bytes(cls, data: bytes) -> CurrentDataSet:
        steps, offset, delay = _unpacked(_CURRENT, data)
        return cls(steps, offset / _TIME_INTERVAL, delay / _TIME_INTERVAL)

    def to_bytes(self) -> bytes:
        scaled = (round(self.offset_ns * _TIME_INTERVAL), round(self.mean_path_delay_ns * _TIME_INTERVAL))
        return _CURRENT.pack(self.steps_removed, *scaled)


@dataclass(frozen=True, slots=True)
class ParentDataSet:
    """Whom this clock follows, and who is at the top (clause 15.5.3.5.1)."""

    parent: PortIdentity
    grandmaster: bytes

    @classmethod
    def from_bytes(cls, data: bytes) -> ParentDataSet:
        parent, grandmaster = _unpacked(_PARENT, data)
        return cls(PortIdentity.from_bytes(parent), grandmaster)

    def to_bytes(self) -> bytes:
        return _PARENT.pack(self.parent.to_bytes(), self.grandmaster)


@dataclass(frozen=True, slots=True)
class TimePropertiesDataSet:
    """What kind of time it is (clause 15.5.3.6.1). ``time_traceable``: to a primary reference."""

    utc_offset_s: int
    ptp_timescale: bool
    time_traceable: bool
    frequency_traceable: bool = False

    @classmethod
    def from_bytes(cls, data: bytes) -> TimePropertiesDataSet:
        offset, flags, _ = _unpacked(_TIME_PROPERTIES, data)
        return cls(offset, bool(flags & 0x08), bool(flags & 0x10), bool(flags & 0x20))

    def to_bytes(self) -> bytes:
        flags = 0x08 * self.ptp_timescale | 0x10 * self.time_traceable | 0x20 * self.frequency_traceable
        return _TIME_PROPERTIES.pack(self.utc_offset_s, flags, 0xA0)


@dataclass(frozen=True, slots=True)
class PortDataSet:
    """What a port of this clock is doing (clause 15.5.3.7.1); ``state`` as :class:`PortState` numbers it."""

    port: int
    state: int

    @classmethod
    def from_bytes(cls, data: bytes) -> PortDataSet:
        identity, state = _unpacked(_PORT, data)
        return cls(PortIdentity.from_bytes(identity).port, state)

    def to_bytes(self) -> bytes:
        return _PORT.pack(PortIdentity(bytes(8), self.port).to_bytes(), self.state)


def subscription(duration_s: int) -> bytes:
    """The data of ``SUBSCRIBE_EVENTS_NP``: be told of port states and, from linuxptp 4.0 on, of another parent."""
    return struct.pack("!HB63x", duration_s, 1 << _NOTIFY_PORT_STATE | 1 << _NOTIFY_PARENT_DATA_SET)


@dataclass(frozen=True, slots=True)
class PtpClock:
    """The clock that the box follows, as IS-04 needs to know it (clock_ptp.json), and its PTP domain for SDP.

    ``gmid`` as "00-11-22-ff-fe-33-44-55"; ``traceable``: to International Atomic Time; ``locked``: followed.
    """

    gmid: str
    domain: int
    traceable: bool
    locked: bool

    @property
    def reference(self) -> tuple[str, int] | None:
        """What a stream can refer to, in SDP (ST 2110-10 section 8.2); nothing while it is not locked."""
        return ("traceable" if self.traceable else self.gmid, self.domain) if self.locked else None


def gmid_of(clock: bytes) -> str:
    """A clock identity as IS-04 writes it."""
    return clock.hex("-")


def _unpacked(layout: struct.Struct, data: bytes) -> tuple[Any, ...]:
    if len(data) < layout.size:
        raise PtpError(f"a PTP data set of {len(data)} bytes where {layout.size} are due")
    return layout.unpack_from(data)


_TYPE, _VERSION, _CONTROL = 0x0D, 2, 4
_HEADER = struct.Struct("!BBHBx2x8x4x10sHBB")
_ADDRESSED = struct.Struct("!10sBBBx")
_BODY = _HEADER.size + _ADDRESSED.size
_TLV = struct.Struct("!HHH")
_ERROR = struct.Struct("!HHHHI")
_TLV_MANAGEMENT, _TLV_ERROR_STATUS = 1, 2
_TIME_INTERVAL = 1 << 16

_DEFAULT = struct.Struct("!B9x8sBx")
_CURRENT = struct.Struct("!Hqq")
_PARENT = struct.Struct("!10s14x8s")
_TIME_PROPERTIES = struct.Struct("!hBB")
_PORT = struct.Struct("!10sB15x")
_NOTIFY_PORT_STATE, _NOTIFY_PARENT_DATA_SET = 0, 2
