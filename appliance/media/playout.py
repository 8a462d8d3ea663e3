"""From the packets of one or two legs to one unbroken stream of sound: order, loss, silence, and from source to source.

RTP packets go in as they come, with ``now`` (monotonic seconds). What comes out is RTP again, of a sequence and a time
of its own that never jump, so a player behind it has nothing to notice: not a change of the source, not a lost packet,
not a cable that was pulled. The strategy:

- a packet that is the next one goes on at once; one that comes again (ST 2022-7: on the other leg) is dropped;
- one that is early waits for those before it, ``patience_s`` at most: then those are lost, and silence of exactly their
  length is in their place;
- where nothing fits for :data:`QUIET_S` the sound fades out and silence goes on by the clock, until something comes.
  Not sooner: what was only held up is played whole, and what is behind us is silent by itself as long;
- what comes then takes up where the time has come to, faded in: the same stream in its own time, another one at once.
  So a sender that began anew, or whatever does not follow from what was before it, needs no rule of its own.

Sound that is short by some milliseconds is made up of what was before (pcm.py): no end and no beginning clicks.
"""

from __future__ import annotations

import struct
from collections import deque, namedtuple
from collections.abc import Iterator

from appliance.media.pcm import Pcm

QUIET_S = 0.2
SIGNAL_S = 0.5
"""Nothing for so long is no signal: together with the time between two reports that is within a second."""
LEG_S = 0.1
"""A leg without packets for so long loses what the other one brings."""
MAX_PAYLOAD = 8192
"""Octets that are put into one packet. The fewer, the less work for the player: it is the number that costs."""
_AHEAD = 3000
"""So many packets a stream may be ahead of what is due, or behind, and be the same (RFC 3550 A.1, MAX_DROPOUT)."""
_BACK_S, _ON_S = 0.2, 1.0
"""A stream that comes back so much later or earlier than it should have is fitted in where its time is."""
_STILL_S = 0.02
"""Silence is made in pieces of this, so that waiting costs little."""
_PAYLOAD_TYPE = 97
_HEADER = struct.Struct("!BBHII")
_VERSION, _HAS_PADDING, _HAS_EXTENSION, _CSRCS = 0x80, 0x20, 0x10, 0x0F


class Leg:
    """What came on one leg since the source was chosen. ``marked``: where in the stream it will go on."""

    __slots__ = ("expected", "heard", "lost", "marked", "packets", "told")

    def __init__(self) -> None:
        self.packets = self.lost = self.expected = self.marked = self.told = 0
        self.heard = -1e9


class LegReport(namedtuple("LegReport", ("packets", "lost", "signal"))):
    """What came on one leg, what should have, and whether anything comes now."""

    __slots__ = ()


class Report(namedtuple("Report", ("signal", "lost", "refused", "legs"))):
    """Since the source was chosen. ``lost``: came on no leg in time; ``refused``: came, and was no such sound."""

    __slots__ = ()


class Playout:
    """One receiver's stream. Nothing is kept, and no silence made, until :meth:`start`."""

    def __init__(self, pcm: Pcm, patience_s: float) -> None:
        self._pcm = pcm
        self._patience_s = patience_s
        self._legs: list[Leg] = []
        self._started = False
        self._playing = False
        self._ssrc: int | None = None
        self._next = 0  # the sequence number that is due
        self._offset = 0  # the source's time less ours, both modulo 2³²
        self._early: dict[int, tuple[int, bytes]] = {}  # by how far from the one due when its turn was counted
        self._count = 0  # packets that were played or given up: the key of the one due
        self._lost = self._refused = 0
        self._heard = -1e9
        self._waiting_since = 0.0
        self._position = 0  # frames that were handed on
        self._lead = 0.0  # frames by which we are ahead of the clock, at the promptest
        self._to_fade_in = 0
        self._to_skip = 0
        self._out: list[bytes] = []
        self._recent: deque[bytes] = deque(maxlen=1)
        self._sequence = 0

    @property
    def playing(self) -> bool:
        """Whether there is sound: then something is to be handed on at every turn."""
        return self._playing

    def start(self, now: float) -> None:
        """The player listens from now on."""
        self._started = True
        self._lead = self._position - now * self._pcm.rate

    def choose(self, legs: int) -> None:
        """What comes from now on comes from elsewhere, on so many legs."""
        if self._playing:
            self._fall_silent()
        self._ssrc = None
        self._legs = [Leg() for _ in range(legs)]
        self._lost = self._refused = 0
        self._heard = -1e9

    def packet(self, leg: int, packet: bytes, now: float) -> None:
        """One datagram that came on a leg."""
        if len(packet) < 12:
            return
        first, _, sequence, time, ssrc = _HEADER.unpack_from(packet)
        if not self._started or (self._playing and ssrc != self._ssrc):
            return
        ahead = _signed16(sequence - self._next) if self._playing else 0
        self._count_leg(self._legs[leg], sequence, self._count + ahead, now)
        sound = packet[12:] if first == _VERSION else _payload(packet)
        if not sound or len(sound) % self._pcm.frame:
            self._refused += 1
            return
        if not self._playing:
            self._take_up(sequence, time, ssrc, sound, now)
            return
        key = self._count + ahead
        if ahead < 0 or ahead > _AHEAD or key in self._early:
            return
        if ahead == 0:
            self._heard = now
            self._play(sound)
            if self._early:
                self._play_early(now)
        else:
            if not self._early:
                self._waiting_since = now
            self._early[key] = (time, sound)

    def output(self, now: float) -> Iterator[bytes]:
        """The packets to hand on now."""
        if self._playing and self._early and now - self._waiting_since > self._patience_s:
            self._give_up(now)
        if self._playing and not self._early and now - self._heard > QUIET_S:
            self._fall_silent()
        if self._playing:
            # Slower than any clock is wrong, it forgets how prompt we were.
            self._lead = max(self._lead - 0.1, self._position - now * self._pcm.rate)
        elif self._started and self._due(now) >= self._pcm.rate * _STILL_S:
            self._be_silent_until(now)
        return self._packets()

    def report(self, now: float) -> Report:
        return Report(
            signal=now - self._heard <= SIGNAL_S,
            lost=self._lost,
            refused=self._refused,
            legs=tuple(self._leg_report(leg, now) for leg in self._legs),
        )

    # ---- the legs

    def _count_leg(self, leg: Leg, sequence: int, key: int, now: float) -> None:
        off = _signed16(sequence - leg.expected)
        if not leg.packets:
            off = 0
        elif now - leg.heard > LEG_S:
            # The numbers alone would not do: they go round after 65 seconds or less.
            leg.lost += max(off if 0 < off <= _AHEAD else 0, key - leg.marked)
            off = 0
        elif 0 < off <= _AHEAD:
            leg.lost += off
        elif -_AHEAD <= off < 0:
            leg.lost -= leg.lost > 0  # it was only late
        leg.packets += 1
        if not -_AHEAD <= off < 0:
            leg.expected = (sequence + 1) & 0xFFFF
        leg.heard, leg.marked = now, key + 1

    def _leg_report(self, leg: Leg, now: float) -> LegReport:
        silent = now - leg.heard > LEG_S
        missing = max(0, self._count - leg.marked) if silent and leg.packets else 0
        leg.told = max(leg.told, leg.lost + missing)  # one that was only late is not taken back: counters rise
        return LegReport(leg.packets, leg.told, now - leg.heard <= SIGNAL_S)

    # ---- from packets to sound

    def _play(self, sound: bytes) -> None:
        """The next one of the stream."""
        self._count += 1
        self._next = (self._next + 1) & 0xFFFF
        if self._to_skip:
            skipped = min(self._to_skip * self._pcm.frame, len(sound))
            self._to_skip -= skipped // self._pcm.frame
            sound = sound[skipped:]
            if not sound:
                return
        if self._to_fade_in:
            fade = self._pcm.fade
            frames = len(sound) // self._pcm.frame
            sound = self._pcm.fade_in(sound, fade - self._to_fade_in)
            self._to_fade_in = max(0, self._to_fade_in - frames)
        self._put(sound)
        self._recent.append(sound)

    def _play_early(self, now: float) -> None:
        while (found := self._early.pop(self._count, None)) is not None:
            self._play(found[1])
        self._waiting_since = now

    def _give_up(self, now: float) -> None:
        """Those that are waited for are lost; go on with those that are there."""
        key = min(self._early)
        lost = key - self._count
        self._lost += lost
        missing = _signed32(self._early[key][0] - self._offset - self._position)
        if not 0 <= missing <= self._pcm.rate * _ON_S:
            self._early.clear()
            self._fall_silent()  # its time does not follow: to be taken up anew
            return
        self._put_gap(missing)
        self._count, self._next = key, (self._next + lost) & 0xFFFF
        self._to_fade_in = self._pcm.fade
        self._heard = now
        self._play_early(now)

    def _take_up(self, sequence: int, time: int, ssrc: int, sound: bytes, now: float) -> None:
        """The first packet after silence."""
        rate = self._pcm.rate
        self._be_silent_until(now)
        off = _signed32(time - self._offset - self._position)
        if ssrc == self._ssrc and -_BACK_S * rate <= off <= _ON_S * rate:
            lost = (sequence - self._next) & 0xFFFF
            self._lost += lost if lost < 0x8000 else 0
            self._put(self._pcm.silence(max(0, off)))
            self._to_skip = max(0, -off)
        else:
            self._offset = (time - self._position) & 0xFFFFFFFF
            self._to_skip = 0
        frames = len(sound) // self._pcm.frame
        self._recent = deque(maxlen=max(1, -(-self._pcm.fade // frames)))
        self._ssrc, self._next = ssrc, sequence
        self._playing, self._heard = True, now
        self._to_fade_in = self._pcm.fade
        self._play(sound)

    def _fall_silent(self) -> None:
        self._early.clear()
        self._playing = False
        self._put(self._pcm.fade_out(b"".join(self._recent), self._pcm.fade))
        self._recent.clear()

    def _due(self, now: float) -> int:
        """How many frames behind the clock we are."""
        return round(self._lead + now * self._pcm.rate) - self._position

    def _be_silent_until(self, now: float) -> None:
        self._put(self._pcm.silence(max(0, min(self._due(now), self._pcm.rate))))

    def _put_gap(self, frames: int) -> None:
        tail = self._pcm.fade_out(b"".join(self._recent), frames)
        self._put(tail + self._pcm.silence(frames - len(tail) // self._pcm.frame))
        self._recent.clear()

    def _put(self, sound: bytes) -> None:
        if sound:
            self._position += len(sound) // self._pcm.frame
            self._out.append(sound)

    def _packets(self) -> Iterator[bytes]:
        if not self._out:
            return
        sound = b"".join(self._out)
        self._out.clear()
        frame = self._pcm.frame
        most = MAX_PAYLOAD // frame * frame
        position = self._position - len(sound) // frame
        for place in range(0, len(sound), most):
            time = (position + place // frame) & 0xFFFFFFFF
            yield _HEADER.pack(_VERSION, _PAYLOAD_TYPE, self._sequence, time, 0) + sound[place : place + most]
            self._sequence = (self._sequence + 1) & 0xFFFF


def _payload(packet: bytes) -> bytes:
    """What follows an unusual header (RFC 3550 section 5.1); nothing of what is no RTP."""
    first = packet[0]
    if first & 0xC0 != _VERSION:
        return b""
    start = 12 + 4 * (first & _CSRCS)
    if first & _HAS_EXTENSION:
        if len(packet) < start + 4:
            return b""
        start += 4 + 4 * int.from_bytes(packet[start + 2 : start + 4], "big")
    padding = packet[-1] if first & _HAS_PADDING else 0
    return packet[start : len(packet) - padding]


def _signed16(difference: int) -> int:
    return ((difference + 0x8000) & 0xFFFF) - 0x8000


def _signed32(difference: int) -> int:
    return ((difference + 0x80000000) & 0xFFFFFFFF) - 0x80000000
