"""The mixer as arithmetic: what goes where, and that nothing ever jumps."""

import math
from array import array
from collections.abc import Sequence

import pytest

from appliance.media.mixing import WATCHED_BLOCKS, Mixer, block_frames

RATE = 48_000
FRAMES = block_frames(RATE)
HELD_MS = 10.0
HELD = 480
FULL = 1 << 30


def tone(frequency_hz: float, frames: int, first: int = 0) -> list[int]:
    return [round(FULL * math.sin(2 * math.pi * frequency_hz * n / RATE)) for n in range(first, first + frames)]


def steepest(frequency_hz: float) -> float:
    """The most that a tone bends from sample to sample, with room for a fade over a block."""
    return FULL * (2 * math.pi * frequency_hz / RATE) ** 2 + FULL * 4 * (math.pi / FRAMES) ** 2


def bend(samples: Sequence[int]) -> int:
    """The second difference at its most: what a click shows in."""
    return max(abs(samples[n + 1] - 2 * samples[n] + samples[n - 1]) for n in range(1, len(samples) - 1))


def interleaved(*channels: Sequence[int]) -> bytes:
    block = array("i", bytes(4 * len(channels) * len(channels[0])))
    for index, channel in enumerate(channels):
        block[index :: len(channels)] = array("i", channel)
    return block.tobytes()


class Desk:
    """A mixer with inputs that are fed a block for each that is mixed, and outputs that are written down."""

    def __init__(self, outputs: dict[str, int], held_ms: float = HELD_MS, **inputs: Sequence[float]) -> None:
        self.mixer = Mixer(RATE, held_ms)
        self.outputs = outputs
        self.heard: dict[str, list[list[int]]] = {id: [[] for _ in range(count)] for id, count in outputs.items()}
        self._tones = {id: list(tones) for id, tones in inputs.items()}
        self.inputs = {id: self.mixer.begin_input(id, len(tones)) for id, tones in inputs.items()}
        self._fed = dict.fromkeys(inputs, 0)

    def feed(self, id: str, frames: int) -> None:
        first = self._fed[id]
        self._fed[id] = first + frames
        self.inputs[id].write(interleaved(*(tone(hz, frames, first) for hz in self._tones[id])))

    def turn(self, blocks: int = 1, feeding: bool = True) -> None:
        for _ in range(blocks):
            if feeding:
                for id in self.inputs:
                    self.feed(id, FRAMES)
            for id, data in self.mixer.mix(self.outputs):
                samples = array("i", data)
                for index, heard in enumerate(self.heard[id]):
                    heard.extend(samples[index :: self.outputs[id]])

    def last(self, id: str, channel: int = 0, blocks: int = 1) -> list[int]:
        return self.heard[id][channel][-blocks * FRAMES :]


def is_tone(samples: Sequence[int], frequency_hz: float) -> bool:
    """Whether that is all there is in the samples: bit by bit what a tone of some phase would be, within rounding."""
    turn = 2 * math.cos(2 * math.pi * frequency_hz / RATE)
    return max(abs(samples[n + 1] - turn * samples[n] + samples[n - 1]) for n in range(1, len(samples) - 1)) < 8


def test_an_identity_is_bit_by_bit_the_same_ten_milliseconds_later() -> None:
    desk = Desk({"o": 2}, i=[440, 1000])
    desk.mixer.route("o", [("i", 0), ("i", 1)])
    desk.turn(40)
    late = HELD
    for channel, hz in enumerate((440, 1000)):
        assert desk.heard["o"][channel][20 * FRAMES :] == tone(hz, 20 * FRAMES, 20 * FRAMES - late)
        assert bend(desk.heard["o"][channel]) < steepest(hz), "it fades in"


def test_two_channels_are_swapped_without_a_click() -> None:
    desk = Desk({"o": 2}, i=[440, 1000])
    desk.mixer.route("o", [("i", 0), ("i", 1)])
    desk.turn(20)
    desk.mixer.route("o", [("i", 1), ("i", 0)])
    desk.turn(20)
    for channel, hz in enumerate((1000, 440)):
        assert is_tone(desk.last("o", channel, blocks=18), hz)
        assert bend(desk.heard["o"][channel]) < steepest(1000)


def test_one_channel_to_both_and_to_another_output_and_nothing_is_silence() -> None:
    desk = Desk({"o": 2, "p": 1}, i=[440, 1000])
    desk.mixer.route("o", [("i", 0), ("i", 1)])
    desk.turn(10)
    desk.mixer.route("o", [("i", 1), ("i", 1)])
    desk.mixer.route("p", [("i", 1)])
    desk.turn(5)
    assert desk.last("o", 0) == desk.last("o", 1) == desk.last("p")
    assert is_tone(desk.last("p"), 1000)
    desk.mixer.route("o", [None, ("i", 1)])
    desk.turn(5)
    assert set(desk.last("o", 0, blocks=4)) == {0}
    assert is_tone(desk.last("o", 1, blocks=4), 1000)
    for heard in (*desk.heard["o"], *desk.heard["p"]):
        assert bend(heard) < steepest(1000)


def test_a_sum_is_the_mean_and_never_too_loud() -> None:
    desk = Desk({"o": 1}, i=[440, 440, 1000])
    desk.mixer.set_sums({"same": [("i", 0), ("i", 1)], "all": [("i", 0), ("i", 2)], "half": [("i", 0), ("gone", 0)]})
    desk.mixer.route("o", [("same", 0)])
    desk.turn(20)
    assert max(desk.last("o", blocks=10)) > 0.99 * FULL
    assert is_tone(desk.last("o", blocks=10), 440)
    desk.mixer.route("o", [("all", 0)])
    desk.turn(20)
    desk.mixer.route("o", [("half", 0)])
    desk.turn(20)
    assert 0.49 * FULL < max(desk.last("o", blocks=10)) < 0.51 * FULL
    assert bend(desk.heard["o"][0]) < steepest(1000)


def test_what_is_not_there_is_silence() -> None:
    desk = Desk({"o": 3}, i=[440])
    desk.mixer.route("o", [("nothing", 0), ("i", 1)])
    desk.turn(10)
    assert [set(heard) for heard in desk.heard["o"]] == [{0}, {0}, {0}]


def test_an_input_that_stops_fades_away_and_fades_in_again() -> None:
    desk = Desk({"o": 1}, i=[440])
    desk.mixer.route("o", [("i", 0)])
    desk.turn(20)
    desk.turn(20, feeding=False)
    assert set(desk.last("o", blocks=10)) == {0}
    desk.turn(20)
    assert is_tone(desk.last("o", blocks=10), 440)
    assert bend(desk.heard["o"][0]) < steepest(440)


def test_an_input_that_begins_anew_with_other_channels_fades_over() -> None:
    desk = Desk({"o": 1}, i=[440])
    desk.mixer.route("o", [("i", 0)])
    desk.turn(20)
    again = desk.mixer.begin_input("i", 2)
    for n in range(20):
        again.write(interleaved(tone(1000, FRAMES, n * FRAMES), tone(50, FRAMES, n * FRAMES)))
        desk.turn(feeding=False)
    assert is_tone(desk.last("o", blocks=10), 1000)
    assert bend(desk.heard["o"][0]) < steepest(1000)


def test_packets_that_are_no_whole_frames_are_nobodys() -> None:
    desk = Desk({"o": 2}, i=[440, 440])
    one = desk.mixer.begin_input("x", 2)
    for data in (b"", b"1234567", bytes(4)):
        one.write(data)
    desk.mixer.route("o", [("x", 0), ("x", 1)])
    desk.turn(5)
    assert set(desk.last("o", blocks=5)) == {0}


@pytest.mark.parametrize(("drift", "turns"), [(-12, 700), (12, 1700)], ids=["slow", "fast"])
def test_a_clock_that_is_not_ours_is_followed_without_a_click(drift: int, turns: int) -> None:
    """One that is wrong by 0.1 %, twenty times what crystals are."""
    desk = Desk({"o": 1}, held_ms=20.0, i=[440])
    desk.mixer.route("o", [("i", 0)])
    for n in range(turns):
        desk.feed("i", FRAMES + (drift if n % 50 == 0 else 0))
        desk.turn(feeding=False)
    assert turns > WATCHED_BLOCKS
    heard = desk.heard["o"][0][20 * FRAMES :]
    assert bend(heard) < 4 * steepest(440)
    assert 0 not in {max(heard[n : n + FRAMES]) for n in range(0, len(heard), FRAMES)}, "it never ran out"
    assert 0 < desk.inputs["i"].holding <= 5 * 960


def test_what_is_too_much_is_forgotten() -> None:
    desk = Desk({"o": 1}, i=[440])
    desk.feed("i", 10 * RATE)
    assert desk.inputs["i"].holding == round(RATE * 0.51)
