"""Channels of a real box are mapped while they play: what is heard is what the map says, and no click is.

One box sends two tones to itself over RTP and records what it receives: each goes through the mixer twice.
"""

import os
import signal
from contextlib import suppress
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import StartBox
from tests.lan.box import Box
from tests.lan.network import Lan
from tests.lan.waiting import eventually
from tests.support import audio

pytestmark = [pytest.mark.root, pytest.mark.gstreamer]

API = "/x-nmos/channelmapping/v1.0"
LOW, HIGH, LEVEL = 440.0, 1000.0, 10 ** (-18 / 20)
WINDOW = 2400
"""Samples in which there are whole periods of both tones: 50 ms."""
SMOOTH = 1.6 * LEVEL * (2 * 3.1416 * HIGH / 48_000) ** 2
"""How much the higher tone bends, and a fade besides; a click bends ten times more."""

# Much is held, so that a busy machine is heard as little as a map is.
CONFIG = """
[media]
latency_ms = 150
[mapping]
latency_ms = 150
[[mapping.inputs]]
id = "mono"
sum_of = "receiver-recorder"
channels = [0, 1]
[[devices]]
name = "desk"
[[senders]]
name = "stage"
device = "desk"
transport = "rtp.ucast"
legs = [{{ source_ip = "127.0.0.1", destination_ip = "127.0.0.1", destination_port = 5020 }}]
input = {{ kind = "tone", frequency_hz = 440, level_db = -18 }}
[[senders]]
name = "other"
device = "desk"
active = false
input = {{ kind = "tone", frequency_hz = 1000, level_db = -18 }}
[[receivers]]
name = "recorder"
device = "desk"
output = {{ kind = "file", path = "{wav}" }}
"""
LOW_AND_HIGH = {"0": {"input": "local-stage", "channel_index": 0}, "1": {"input": "local-other", "channel_index": 1}}
HIGH_AND_LOW = {"0": LOW_AND_HIGH["1"], "1": LOW_AND_HIGH["0"]}
MUTED = {"input": None, "channel_index": None}
MONO = {"input": "mono", "channel_index": 0}
RECEIVING = ("relay.py", "rtpjitterbuffer")
"""What runs for a receiver of audio, besides what plays it."""


def activate(box: Box, **action: Any) -> None:
    outputs = {output.replace("_", "-"): entries for output, entries in action.items()}
    answer = box.post(f"{API}/map/activations", {"activation": {"mode": "activate_immediate"}, "action": outputs})
    assert answer.status == 200, answer.body


def receiver(box: Box) -> dict[str, Any]:
    (found,) = box.json("/panel/receivers")["receivers"]
    return dict(found)


def take(box: Box, sender: str | None) -> None:
    ids = {each["label"]: each["id"] for each in box.json("/x-nmos/node/v1.3/senders")}
    body = {"receiver_id": receiver(box)["id"], "sender_id": ids[sender] if sender else None}
    assert box.post("/panel/take", body).status == 200


def phase(box: Box) -> str:
    return str(receiver(box)["stream"]["phase"])


def children(box: Box) -> dict[int, str]:
    """What the box runs, by process id."""
    found: dict[int, str] = {}
    for pid in Path(f"/proc/{box.pid}/task/{box.pid}/children").read_text(encoding="ascii").split():
        with suppress(OSError):  # it has just ended
            found[int(pid)] = Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8")
    return found


def heard(samples: tuple[float, ...]) -> list[str]:
    """What there is one after the other: low, high, both (each at half its level), nothing; each for 150 ms or more."""
    windows = [samples[start : start + WINDOW] for start in range(0, len(samples) - WINDOW + 1, WINDOW)]
    names = {(1.0, 0.0): "low", (0.0, 1.0): "high", (0.5, 0.5): "both", (0.0, 0.0): "nothing"}
    found = (names.get((_share(window, LOW), _share(window, HIGH)), "a fade between them") for window in windows)
    return [name for name, group in groupby(found) if len(list(group)) >= 3]


def _share(window: tuple[float, ...], frequency_hz: float) -> float:
    return round(audio.share_of(window, frequency_hz, 48_000) / LEVEL, 2)


def test_two_tones_are_swapped_doubled_summed_and_muted_while_they_play(
    lan: Lan, start_box: StartBox, tmp_path: Path
) -> None:
    wav = tmp_path / "heard.wav"
    box = start_box(lan.isolated("box"), CONFIG.format(wav=wav))
    assert "channelmapping/" in box.json("/x-nmos/")

    def recorded(more_s: float = 0.4) -> None:
        """What is mapped at the sender is heard half a second later."""
        size = wav.stat().st_size
        eventually(lambda: wav.stat().st_size > size + more_s * 48_000 * 6, f"{more_s} s more in {wav}")

    activate(box, sender_stage=LOW_AND_HIGH)
    take(box, "stage")
    eventually(lambda: phase(box) == "running" and wav.exists() and wav.stat().st_size > 50_000, "sound")
    recorded(0.9)
    pipelines = children(box)
    assert sum("appliance.edge.mixer" in line for line in pipelines.values()) == 1
    receiving = {pid for pid, line in pipelines.items() if any(part in line for part in RECEIVING) or str(wav) in line}
    assert len(receiving) == len(RECEIVING) + 1
    activate(box, sender_stage=HIGH_AND_LOW)
    recorded(0.9)
    activate(box, sender_stage={"0": HIGH_AND_LOW["1"]})
    recorded(0.9)
    activate(box, sender_stage=LOW_AND_HIGH)
    recorded(0.9)
    activate(box, sink_recorder={"0": MONO, "1": MONO})
    recorded()
    activate(box, sink_recorder={"1": MUTED})
    recorded()
    activate(box, sink_recorder={"0": MUTED, "1": MONO})
    recorded()
    assert children(box) == pipelines, "nothing was started anew"
    take(box, None)
    eventually(lambda: children(box).keys() == pipelines.keys() - receiving, "the end of the receiver, and only its")

    left, right = audio.read(wav).channels
    assert heard(left)[-5:] == ["low", "high", "low", "both", "nothing"]
    assert heard(right)[-5:] == ["low", "high", "both", "nothing", "both"]
    for channel in (left, right):
        assert audio.sharpest_bend(channel) < SMOOTH, "a click"


def test_a_mixer_that_was_killed_comes_back_with_all_that_meets_it_and_with_the_map(
    lan: Lan, start_box: StartBox, tmp_path: Path
) -> None:
    wav = tmp_path / "heard.wav"
    box = start_box(lan.isolated("box"), CONFIG.format(wav=wav))
    activate(box, sink_recorder={"0": LOW_AND_HIGH["1"], "1": LOW_AND_HIGH["0"]})
    eventually(lambda: wav.exists() and wav.stat().st_size > 100_000, "a sink that plays what no receiver received")
    (mixer,) = [pid for pid, line in children(box).items() if "appliance.edge.mixer" in line]
    os.kill(mixer, signal.SIGKILL)
    eventually(lambda: mixer not in children(box), "the end of the mixer")
    eventually(lambda: any("appliance.edge.mixer" in line for line in children(box).values()), "another one")
    eventually(lambda: wav.stat().st_size > 100_000, "sound again")
    box.restart()
    assert box.json(f"{API}/map/active/sink-recorder")["map"]["sink-recorder"] == HIGH_AND_LOW
    eventually(lambda: wav.exists() and wav.stat().st_size > 100_000, "sound after a restart")
    assert box.stop() == 0
    left, right = audio.read(wav).channels
    assert heard(left)[-1] == "high"
    assert heard(right)[-1] == "low"
