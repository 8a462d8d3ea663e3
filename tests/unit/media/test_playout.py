"""From packets to one unbroken stream, in virtual time: 1 ms packets of one channel at 8 kHz, 8 frames of 2 octets."""

import struct
from collections.abc import Iterable, Sequence
from itertools import pairwise

import pytest

from appliance.media.pcm import Pcm
from appliance.media.playout import LEG_S, QUIET_S, SIGNAL_S, Playout

RATE, FRAMES = 8000, 8
PCM = Pcm(RATE, 1, 2)
PATIENCE_S = 0.01
SSRC, OTHER = 0x1234, 0x5678


def ramp(number: int) -> tuple[int, ...]:
    """What is in packet ``number``: it goes on from packet to packet."""
    return tuple(1 + (number * FRAMES + index) % 30_000 for index in range(FRAMES))


def rtp(
    number: int, *, ssrc: int = SSRC, first: int = 65_530, time: int = 0xFFFFFFF0, head: bytes = b"\x80\x61"
) -> bytes:
    """Packet ``number`` of a sender; soon both of its counters go round."""
    header = struct.pack("!HII", (first + number) & 0xFFFF, (time + number * FRAMES) & 0xFFFFFFFF, ssrc)
    return head + header + struct.pack(f"!{FRAMES}h", *ramp(number))


class Bench:
    """A playout, its clock, and the player behind it."""

    def __init__(self, legs: int = 1, pcm: Pcm = PCM) -> None:
        self.now = 100.0
        self.playout = Playout(pcm, PATIENCE_S)
        self.playout.choose(legs)
        self.playout.start(self.now)
        self.heard: list[int] = []
        self._sequence = 0

    def legs(self, *legs: Sequence[bytes | None], quiet_ms: int = 0) -> None:
        """Each millisecond the next packet of each leg, which may be none; then nothing for a while."""
        for turn in range(max(map(len, legs), default=0)):
            for leg, packets in enumerate(legs):
                packet = packets[turn] if turn < len(packets) else None
                if packet is not None:
                    self.playout.packet(leg, packet, self.now)
            self._turn()
        for _ in range(quiet_ms):
            self._turn()

    def sounds(self, numbers: Iterable[int], *, fading: int = 0) -> bool:
        """Whether exactly these packets were heard, one after the other, but for what was faded in at the beginning."""
        wanted = [sample for number in numbers for sample in ramp(number)][fading:]
        text, sought = struct.pack(f"!{len(self.heard)}h", *self.heard), struct.pack(f"!{len(wanted)}h", *wanted)
        return sought in text

    def _turn(self) -> None:
        for packet in self.playout.output(self.now):
            _, _, sequence, time, _ = struct.unpack_from("!BBHII", packet)
            assert sequence == self._sequence & 0xFFFF
            assert time == len(self.heard), "what is handed on has no gap, whatever happens"
            self._sequence += 1
            self.heard += struct.unpack_from(f"!{(len(packet) - 12) // 2}h", packet, 12)
        self.now += 0.001


FADE = PCM.fade


def test_what_comes_in_goes_out() -> None:
    bench = Bench()
    bench.legs([rtp(number) for number in range(100)])
    assert bench.sounds(range(100), fading=FADE)
    report = bench.playout.report(bench.now)
    assert (report.signal, report.lost, report.refused) == (True, 0, 0)
    assert [(leg.packets, leg.lost, leg.signal) for leg in report.legs] == [(100, 0, True)]


def test_nothing_is_handed_on_and_nothing_kept_before_the_player_listens() -> None:
    playout = Playout(PCM, PATIENCE_S)
    playout.choose(1)
    playout.packet(0, rtp(0), 1.0)
    assert not list(playout.output(5.0))
    playout.start(5.0)
    assert not list(playout.output(5.0))


def test_two_legs_are_one_stream_and_one_of_them_can_be_cut() -> None:
    bench = Bench(legs=2)
    both = [rtp(number) for number in range(300)]
    bench.legs(both[:100], both[:100])
    bench.legs([], both[100:200])
    bench.legs(both[200:], both[200:])
    assert bench.sounds(range(300), fading=FADE)
    report = bench.playout.report(bench.now)
    assert report.lost == 0
    assert [(leg.packets, leg.lost) for leg in report.legs] == [(200, 100), (300, 0)]


def test_what_a_cut_leg_loses_is_counted_while_it_is_cut() -> None:
    bench = Bench(legs=2)
    both = [rtp(number) for number in range(700)]
    bench.legs(both[:100], both[:100])
    bench.legs([], both[100:])
    cut, good = bench.playout.report(bench.now).legs
    assert (cut.signal, cut.lost) == (False, 600)
    assert (good.signal, good.lost) == (True, 0)


@pytest.mark.parametrize("late", [1, 5, 9])
def test_a_leg_that_is_later_fills_the_gaps_of_the_other(late: int) -> None:
    bench = Bench(legs=2)
    first = [None if number in (20, 21, 50) else rtp(number) for number in range(100)]
    bench.legs(first, [None] * late + [rtp(number) for number in range(100)])
    assert bench.sounds(range(100), fading=FADE)
    report = bench.playout.report(bench.now)
    assert report.lost == 0
    assert [leg.lost for leg in report.legs] == [3, 0]


def test_disorder_within_the_patience_is_put_right() -> None:
    bench = Bench()
    order = [0, 1, 4, 3, 2, 5, 7, 6, *range(8, 20)]
    bench.legs([rtp(number) for number in order])
    assert bench.sounds(range(20), fading=FADE)
    assert bench.playout.report(bench.now).lost == 0
    assert bench.playout.report(bench.now).legs[0].lost == 0


def test_silence_of_exactly_its_length_stands_for_what_is_lost() -> None:
    bench = Bench()
    bench.legs([None if 50 <= number < 57 else rtp(number) for number in range(150)])
    assert bench.sounds(range(6, 50))
    assert bench.sounds(range(63, 150)), "after the fade it is as it was"
    at = bench.heard.index(ramp(49)[-1]) + 1
    assert bench.heard.index(ramp(63)[0]) == at + 13 * FRAMES, "and at its own time"
    assert bench.playout.report(bench.now).lost == 7
    assert bench.playout.report(bench.now).legs[0].lost == 7


def test_a_hole_neither_clicks_at_its_beginning_nor_at_its_end() -> None:
    bench = Bench()
    bench.legs([None if 50 <= number < 90 else rtp(number) for number in range(200)])
    steps = [abs(after - before) for before, after in pairwise(bench.heard)]
    assert max(bench.heard) > 1500
    assert max(steps) < max(bench.heard) / FADE * 1.5


def test_silence_goes_on_by_the_clock_while_nothing_comes() -> None:
    bench = Bench()
    bench.legs([rtp(number) for number in range(50)], quiet_ms=1000)
    assert len(bench.heard) == pytest.approx(1.05 * RATE, abs=0.03 * RATE)
    assert not any(bench.heard[60 * FRAMES :])
    assert not bench.playout.playing


def test_no_signal_is_said_within_a_second_and_a_signal_at_once() -> None:
    bench = Bench()
    assert not bench.playout.report(bench.now).signal
    bench.legs([rtp(0)])
    assert bench.playout.report(bench.now).signal
    bench.legs([], quiet_ms=round(SIGNAL_S * 1000) + 1)
    assert not bench.playout.report(bench.now).signal
    assert not bench.playout.report(bench.now).legs[0].signal
    assert LEG_S < SIGNAL_S < 1


def test_what_was_only_held_up_is_played_whole() -> None:
    bench = Bench()
    bench.legs([rtp(number) for number in range(50)], quiet_ms=100)
    for number in range(50, 150):
        bench.playout.packet(0, rtp(number), bench.now)
    bench.legs([rtp(number) for number in range(150, 200)])
    assert bench.sounds(range(200), fading=FADE)


def test_the_same_stream_comes_back_in_its_own_time() -> None:
    bench = Bench()
    bench.legs([rtp(number) for number in range(50)], quiet_ms=300)
    bench.legs([rtp(number) for number in range(350, 450)])
    assert bench.sounds(range(360, 450))
    at = bench.heard.index(ramp(49)[-1])
    assert bench.heard.index(ramp(400)[0]) == at + 1 + 350 * FRAMES
    assert bench.playout.report(bench.now).lost == 300


def test_another_source_follows_at_once_and_without_a_click() -> None:
    bench = Bench()
    bench.legs([rtp(number) for number in range(100)])
    bench.playout.choose(1)
    bench.legs([rtp(1000 + number, ssrc=OTHER, first=77, time=5) for number in range(100)])
    assert bench.sounds(range(6, 100))
    assert bench.sounds(range(1006, 1100))
    rest = bench.heard.index(ramp(1006)[0]) - bench.heard.index(ramp(99)[-1])
    assert rest <= 12 * FRAMES, "the fades, and nothing between them"
    assert bench.playout.report(bench.now).lost == 0
    assert bench.playout.report(bench.now).legs[0].packets == 100


def test_a_sender_that_began_anew_is_taken_up() -> None:
    bench = Bench()
    bench.legs([rtp(number) for number in range(100)])
    bench.legs([rtp(number, ssrc=OTHER, first=3, time=9) for number in range(2000, 2400)])
    assert bench.sounds(range(2000 + round(QUIET_S * 1000) + 10, 2400))
    assert bench.playout.report(bench.now).signal


def test_a_stranger_does_not_disturb_what_plays() -> None:
    bench = Bench()
    for number in range(100):
        bench.legs([rtp(number)])
        bench.playout.packet(0, rtp(number * 7, ssrc=OTHER, first=9), bench.now)
    assert bench.sounds(range(100), fading=FADE)


def test_what_is_no_such_sound_is_refused_and_counted() -> None:
    bench = Bench()
    for packet in (
        b"",
        b"\x80" * 11,
        rtp(0)[:12],
        rtp(0)[:-1],
        rtp(0, head=b"\x00\x61"),
        rtp(0, head=b"\xb0\x61")[:-1],
    ):
        bench.playout.packet(0, packet, bench.now)
    assert bench.playout.report(bench.now).refused == 4
    assert not bench.playout.report(bench.now).signal


def test_a_header_may_be_longer_and_end_in_padding() -> None:
    bench = Bench()
    plain = [rtp(number) for number in range(60)]
    bench.legs(plain[:20])
    source, extension, padding = b"\0\0\0\1", b"\xbe\xde\0\1\0\0\0\0", b"\0\0\0\4"
    bench.legs([b"\xb1\x61" + packet[2:12] + source + extension + packet[12:] + padding for packet in plain[20:40]])
    bench.legs(plain[40:])
    assert bench.sounds(range(60), fading=FADE)


def test_subframes_are_passed_on_and_never_faded() -> None:
    pcm = Pcm(RATE, 1, 4)
    playout = Playout(pcm, PATIENCE_S)
    playout.choose(1)
    playout.start(1.0)
    sent = [bytes(12) + struct.pack("!I", 0x05123400 + number) * 4 for number in range(10)]
    for number, packet in enumerate(sent):
        playout.packet(0, struct.pack("!BBHII", 0x80, 97, number, number * 4, SSRC) + packet[12:], 1.0)
    assert b"".join(packet[12:] for packet in playout.output(1.0)) == b"".join(packet[12:] for packet in sent)


def test_much_that_is_early_is_not_kept() -> None:
    bench = Bench()
    bench.legs([rtp(0)])
    for number in range(5000, 9000):
        bench.playout.packet(0, rtp(number), bench.now)
    bench.legs([rtp(number) for number in range(1, 50)])
    assert bench.sounds(range(50), fading=FADE)
