"""Real GStreamer on a LAN: what one host sends is what the other one records."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.lan.network import RED_AND_BLUE, Host, Lan
from tests.lan.proc_net import SourceFilter
from tests.lan.waiting import eventually
from tests.support import audio
from tests.support.environment import unavailable

pytestmark = [pytest.mark.gstreamer, pytest.mark.root]

TONE = 440.0
GROUP, SSM_GROUP, SSM_GROUP6 = "239.1.2.3", "232.1.2.3", "ff3e::1234"
PORT = 5004


class MediaProcess:
    """`tests.support.media_process` on a host."""

    def __init__(self, host: Host, **has: Any) -> None:
        self._child = host.popen(
            [sys.executable, "-m", "tests.support.media_process"],
            interactive=True,
            log=host.lan.log(host.label),
            folder=Path(__file__).parents[2],
        )
        self.pid = self._child.pid
        self._say(has)
        assert self._hear() == {}

    def activate(self, id: str, active: dict[str, Any]) -> None:
        self._say({"id": id, "active": active})

    def until(self, id: str, phase: str, **more: Any) -> dict[str, Any]:
        """Wait for the status that must come."""
        while True:
            status = self._hear()
            if {**status, "id": id, "phase": phase, **more} == status:
                return status

    def figures(self, id: str) -> dict[str, Any]:
        """How it is now; statuses that were not read yet are passed over."""
        self._say({"id": id})
        while "figures" not in (heard := self._hear()):
            pass
        figures: dict[str, Any] = heard["figures"]
        return figures

    def pipelines(self) -> list[int]:
        """What it has started itself: players of senders, relays of receivers."""
        return _children(self.pid)

    def descendants(self) -> list[int]:
        """All that runs because of it."""
        found = self.pipelines()
        for pid in found:
            found += _children(pid)
        return found

    def stop(self) -> None:
        assert self._child.stdin
        self._child.stdin.close()
        assert self._child.wait(10) == 0

    def kill(self) -> None:
        self._child.kill()
        self._child.wait(10)

    def _say(self, what: dict[str, Any]) -> None:
        assert self._child.stdin
        self._child.stdin.write(json.dumps(what) + "\n")
        self._child.stdin.flush()

    def _hear(self) -> dict[str, Any]:
        assert self._child.stdout
        line = self._child.stdout.readline()
        assert line, "the media process has ended"
        heard: dict[str, Any] = json.loads(line)
        return heard


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]


@pytest.fixture(autouse=True)
def gstreamer() -> None:
    done = subprocess.run(["gst-launch-1.0", "--version"], check=False, capture_output=True)
    if done.returncode:
        unavailable("GStreamer is not installed")


def off() -> dict[str, Any]:
    return {"master_enable": False, "transport_params": []}


def sending(*legs: tuple[str, str], port: int = PORT, source_port: int = PORT) -> dict[str, Any]:
    """/active of a sender: for each leg its own address and the destination."""
    return {
        "master_enable": True,
        "transport_params": [
            {
                "source_ip": own,
                "destination_ip": destination,
                "source_port": source_port,
                "destination_port": port,
                "rtp_enabled": True,
            }
            for own, destination in legs
        ],
    }


def receiving(
    *legs: tuple[str, str | None, str | None], encoding: str = "L24", ptime: float = 1, port: int = PORT
) -> dict[str, Any]:
    """/active of a receiver: for each leg its own address, the group (None: unicast) and the source (None: any)."""
    sdp = (
        f"v=0\r\no=- 1 1 IN IP4 10.77.1.1\r\ns=x\r\nt=0 0\r\nm=audio {port} RTP/AVP 97\r\n"
        f"c=IN IP4 239.0.0.1/32\r\na=rtpmap:97 {encoding}/48000/2\r\na=ptime:{ptime:g}\r\n"
    )
    return {
        "master_enable": True,
        "transport_params": [
            {
                "interface_ip": own,
                "multicast_ip": group,
                "source_ip": source,
                "destination_port": port,
                "rtp_enabled": True,
            }
            for own, group, source in legs
        ],
        "transport_file": {"data": sdp, "type": "application/sdp"},
    }


def tone(frequency_hz: float = TONE, **more: Any) -> dict[str, Any]:
    return {"input": {"kind": "tone", "frequency_hz": frequency_hz, "level_db": -18.0}, **more}


def record(process: MediaProcess, wav: Path, seconds: float = 1.0, width: int = 3) -> audio.Recording:
    """Wait until so much is in the file, stop the receiver, and listen."""
    eventually(lambda: wav.exists() and wav.stat().st_size > seconds * 48_000 * 2 * width, f"{seconds} s in {wav}")
    process.activate("receiver", off())
    eventually(lambda: not process.pipelines(), "the end of the pipeline")
    return audio.read(wav)


def grows(wav: Path) -> None:
    """Wait until there is two thirds of a second more."""
    size = wav.stat().st_size
    eventually(lambda: wav.stat().st_size > size + 200_000, f"more in {wav}")


def hear_tone(recording: audio.Recording, frequency_hz: float = TONE, level_db: float = -18.0) -> None:
    """Both channels have the tone, at its pitch and level, without a single wrong sample in between."""
    for channel in recording.channels:
        samples = audio.sounding(channel)
        assert audio.pitch_hz(samples, recording.rate) == pytest.approx(frequency_hz, abs=0.05)
        assert audio.level_db(samples) == pytest.approx(level_db, abs=0.2)
        assert audio.interruptions(samples, frequency_hz, recording.rate) == 0


@contextmanager
def stranger(host: Host, source: str, group: str) -> Iterator[None]:
    """Somebody else who sends noise to the same group while the test runs, and what is no RTP at all."""
    script = (
        "import os, socket, sys, time\n"
        "s = socket.socket(socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM)\n"
        "s.bind((sys.argv[1], 0))\n"
        "if ':' in sys.argv[1]:\n"
        "    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, socket.if_nametoindex('eth0'))\n"
        "while True:\n"
        "    for payload in (b'', b'hello', b'\\x80\\x61' + os.urandom(298)):\n"
        "        s.sendto(payload, (sys.argv[2], int(sys.argv[3])))\n"
        "    time.sleep(0.005)\n"
    )
    child = host.popen([sys.executable, "-c", script, source, group, str(PORT)], log=host.lan.log("stranger"))
    yield
    assert child.poll() is None, "the stranger has stopped"
    child.kill()
    child.wait()


@pytest.mark.parametrize(
    ("encoding", "ptime", "group", "specific"),
    [
        ("L24", 1, GROUP, False),
        ("L16", 1, SSM_GROUP, True),
        ("L24", 0.125, SSM_GROUP6, True),
        ("L16", 1, None, True),
    ],
    ids=["L24 any-source", "L16 source-specific", "L24 at 125 µs, IPv6 source-specific", "L16 unicast"],
)
def test_a_tone_arrives(
    lan: Lan, tmp_path: Path, encoding: str, ptime: float, group: str | None, specific: bool
) -> None:
    source, display = lan.host("source", RED_AND_BLUE), lan.host("display", RED_AND_BLUE)
    six = group is not None and ":" in group
    ours, theirs = (host.address6("eth1") if six else host.address("eth1") for host in (source, display))
    wav = tmp_path / "out.wav"

    sender = MediaProcess(source, sender=tone(media_type=f"audio/{encoding}", packet_time_ms=ptime))
    receiver = MediaProcess(display, receiver={"output": {"kind": "file", "path": str(wav)}})
    receiver.activate(
        "receiver", receiving((theirs, group, ours if specific else None), encoding=encoding, ptime=ptime)
    )
    receiver.until("receiver", "running")
    if group:
        assert group in display.memberships("eth1")
        assert group not in display.memberships("eth0")
        only = {SourceFilter(group, ours, "include")} if specific else set()
        assert {found for found in display.source_filters("eth1") if found.group == group} == only
    sender.activate("sender", sending((ours, group or theirs)))
    sender.until("sender", "running")
    assert not source.memberships("eth1") & {GROUP, SSM_GROUP, SSM_GROUP6}, "a sender is no member of its group"

    recording = record(receiver, wav, width=2 if encoding == "L16" else 3)
    assert recording.width_bits == (16 if encoding == "L16" else 24)
    hear_tone(recording)
    assert group not in display.memberships("eth1")
    sender.stop()
    receiver.stop()


@pytest.mark.parametrize("six", [False, True], ids=["IPv4", "IPv6"])
def test_a_stranger_on_the_same_group_is_not_heard(lan: Lan, tmp_path: Path, six: bool) -> None:
    source, display, other = lan.host("source"), lan.host("display"), lan.host("other", multicast_route="eth0")
    own, theirs, strange = (host.address6() if six else host.address() for host in (source, display, other))
    group, wav = SSM_GROUP6 if six else SSM_GROUP, tmp_path / "out.wav"
    sender = MediaProcess(source, sender=tone())
    receiver = MediaProcess(display, receiver={"output": {"kind": "file", "path": str(wav)}})
    # Another program of the display listens to everybody: that opens the interface, but not our socket.
    with (
        stranger(other, strange, group),
        display.open_socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_DGRAM) as everybody,
    ):
        index = display.call(lambda: socket.if_nametoindex("eth0")).to_bytes(4, sys.byteorder)
        packed = socket.inet_pton(everybody.family, group)
        if six:
            everybody.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, packed + index)
        else:
            everybody.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, packed + bytes(4) + index)
        sender.activate("sender", sending((own, group)))
        receiver.activate("receiver", receiving((theirs, group, own)))
        hear_tone(record(receiver, wav))
    sender.stop()
    receiver.stop()


def test_two_legs_are_one_stream(lan: Lan, tmp_path: Path) -> None:
    source, display = lan.host("source", RED_AND_BLUE), lan.host("display", RED_AND_BLUE)
    wav, second = tmp_path / "out.wav", "239.1.2.4"
    sender = MediaProcess(source, sender=tone())
    receiver = MediaProcess(display, receiver={"output": {"kind": "file", "path": str(wav)}})
    sender.activate("sender", sending((source.address("eth0"), GROUP), (source.address("eth1"), second)))
    sender.until("sender", "running")
    receiver.activate(
        "receiver", receiving((display.address("eth0"), GROUP, None), (display.address("eth1"), second, None))
    )
    eventually(lambda: wav.exists() and wav.stat().st_size > 100_000, "sound")
    source.link_down("eth0")
    hear_tone(record(receiver, wav, seconds=2))
    sender.stop()
    receiver.stop()


def test_a_cable_is_pulled_and_not_a_sample_lost(lan: Lan, tmp_path: Path) -> None:
    source, display = lan.host("source", RED_AND_BLUE), lan.host("display", RED_AND_BLUE)
    played, wav, second = tmp_path / "ramp.wav", tmp_path / "out.wav", "239.1.2.4"
    audio.write_ramp(played, 10.0)
    sender = MediaProcess(source, sender={"input": {"kind": "file", "path": str(played)}})
    receiver = MediaProcess(display, receiver={"output": {"kind": "file", "path": str(wav)}})
    receiver.activate(
        "receiver", receiving((display.address("eth0"), GROUP, None), (display.address("eth1"), second, None))
    )
    receiver.until("receiver", "running")
    sender.activate("sender", sending((source.address("eth0"), GROUP), (source.address("eth1"), second)))
    receiver.until("receiver", "running", signal=True)
    grows(wav)
    display.link_down("eth0")
    receiver.until("receiver", "running", signal=True, silent=["eth0"])
    grows(wav)
    display.link_up("eth0")
    receiver.until("receiver", "running", signal=True, silent=[])
    grows(wav)
    source.link_down("eth1")
    receiver.until("receiver", "running", signal=True, silent=["eth1"])
    grows(wav)
    figures = receiver.figures("receiver")
    assert figures["lost"] == figures["refused"] == 0
    assert [leg["interface"] for leg in figures["legs"]] == ["eth0", "eth1"]
    assert all(leg["lost"] > 0 for leg in figures["legs"])
    receiver.activate("receiver", off())
    eventually(lambda: not receiver.pipelines(), "the end of the pipeline")
    for samples in audio.read_integers(wav):
        begun = next(at for at, sample in enumerate(samples) if sample) + 240  # the fade
        steps = {(after - before) % audio.RAMP for before, after in pairwise(samples[begun:])}
        assert steps == {1}, "each sample is the one after that before it"
        assert len(samples) - begun > 4 * 48_000 / 2
    sender.stop()
    receiver.stop()


def test_silence_while_nothing_arrives_and_sound_again(lan: Lan, tmp_path: Path) -> None:
    source, display = lan.host("source"), lan.host("display")
    wav = tmp_path / "out.wav"
    sender = MediaProcess(source, sender=tone())
    receiver = MediaProcess(display, receiver={"output": {"kind": "file", "path": str(wav)}})
    receiver.activate("receiver", receiving((display.address(), GROUP, None)))
    receiver.until("receiver", "running", signal=False)
    for _ in range(2):
        sender.activate("sender", sending((source.address(), GROUP)))
        receiver.until("receiver", "running", signal=True)
        grows(wav)
        (peak, _) = receiver.figures("receiver")["peak_db"]
        assert peak == pytest.approx(-18, abs=0.2)
        sender.activate("sender", off())
        receiver.until("receiver", "running", signal=False)
    grows(wav)
    assert receiver.figures("receiver")["peak_db"] == [-120.0, -120.0]
    recording = record(receiver, wav)
    for channel in recording.channels:
        assert not any(channel[-10_000:])
        assert audio.steepest(channel) < 0.0075, "the steepest step of this tone is 0.0073: nothing clicks"
    sender.stop()
    receiver.stop()


def test_from_one_source_to_another(lan: Lan, tmp_path: Path) -> None:
    one, two, display = lan.host("one"), lan.host("two"), lan.host("display")
    wav = tmp_path / "out.wav"
    first, second = MediaProcess(one, sender=tone(1000.0)), MediaProcess(two, sender=tone(TONE))
    first.activate("sender", sending((one.address(), GROUP)))
    second.activate("sender", sending((two.address(), "239.1.2.4")))
    receiver = MediaProcess(display, receiver={"output": {"kind": "file", "path": str(wav)}})
    receiver.activate("receiver", receiving((display.address(), GROUP, None)))
    receiver.until("receiver", "running", signal=True)
    eventually(lambda: wav.stat().st_size > 200_000, "the first tone")
    players = receiver.pipelines()
    receiver.activate("receiver", receiving((display.address(), "239.1.2.4", None)))
    eventually(lambda: "239.1.2.4" in display.memberships(), "the new group")
    assert GROUP not in display.memberships()
    grows(wav)
    assert receiver.pipelines() == players, "the player goes on from one source to the other"
    recording = record(receiver, wav)
    for channel in recording.channels:
        heard = audio.sounding(channel)
        cut = audio.quietest(heard[4800:-4800]) + 4800
        before, after = heard[480 : cut - 480], heard[cut + 480 :]  # without the fades, of which each is 5 ms
        for sound, pitch in ((before, 1000.0), (after, TONE)):
            assert audio.pitch_hz(sound, recording.rate) == pytest.approx(pitch, abs=0.1)
            assert audio.interruptions(sound, pitch, recording.rate) == 0
        # The steepest step of these tones is 0.0165 of full scale: a click would be more.
        assert audio.steepest(heard) < 0.0175
    for process in (first, second, receiver):
        process.stop()


@pytest.mark.parametrize("name", ["it's ! fakesink.wav", 'a "b" \\c=$d.wav', "location=%05d;{x}, (y) é.wav"])
def test_files_may_be_called_anything(lan: Lan, tmp_path: Path, name: str) -> None:
    host = lan.isolated("box")
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    played, recorded = tmp_path / "in" / name, tmp_path / "out" / name
    audio.write_tone(played, TONE, 2.0)
    process = MediaProcess(
        host,
        sender={"input": {"kind": "file", "path": str(played)}, "media_type": "audio/L16"},
        receiver={"output": {"kind": "file", "path": str(recorded)}},
    )
    process.activate("receiver", receiving(("127.0.0.1", None, None), encoding="L16", port=5006))
    process.until("receiver", "running")
    # From another port: what is sent to one's own address and port goes to the socket that was bound to it last.
    process.activate("sender", sending(("127.0.0.1", "127.0.0.1"), port=5006))
    process.until("sender", "running")
    eventually(lambda: recorded.exists() and recorded.stat().st_size > 150_000, "sound")
    process.activate("sender", off())
    process.activate("receiver", off())
    eventually(lambda: not process.pipelines(), "the end of the pipelines")
    hear_tone(audio.read(recorded), level_db=-6.02)
    process.stop()


def test_a_group_on_a_box_that_has_loopback_alone(lan: Lan, tmp_path: Path) -> None:
    host, wav = lan.isolated("box"), tmp_path / "out.wav"
    process = MediaProcess(host, sender=tone(), receiver={"output": {"kind": "file", "path": str(wav)}})
    process.activate("sender", sending(("127.0.0.1", GROUP)))
    process.until("sender", "running")
    process.activate("receiver", receiving(("127.0.0.1", GROUP, "127.0.0.1")))
    eventually(lambda: wav.exists() and wav.stat().st_size > 200_000, "sound")
    process.activate("receiver", off())
    eventually(lambda: len(process.pipelines()) == 1, "the end of the receiver's pipeline")
    hear_tone(audio.read(wav))
    process.stop()


def test_a_pipeline_that_was_killed_comes_back(lan: Lan) -> None:
    host = lan.isolated("box")
    process = MediaProcess(host, sender=tone())
    process.activate("sender", sending(("127.0.0.1", "127.0.0.1")))
    process.until("sender", "running")
    (pipeline,) = process.pipelines()
    os.kill(pipeline, signal.SIGKILL)
    assert process.until("sender", "fault")["detail"] == "gst-launch-1.0 was killed by signal 9"
    assert process.until("sender", "running")["restarts"] == 1
    process.stop()


def test_a_relay_or_a_player_that_was_killed_comes_back(lan: Lan) -> None:
    host = lan.isolated("box")
    process = MediaProcess(host, receiver={"output": {"kind": "none"}})
    process.activate("receiver", receiving(("127.0.0.1", None, None)))
    process.until("receiver", "running")
    for restarts in (1, 2):
        player, relay = process.pipelines()
        os.kill((relay, player)[restarts - 1], signal.SIGKILL)
        assert process.until("receiver", "fault")["detail"].startswith("gst-launch-1.0 was killed by signal 9")
        assert process.until("receiver", "running")["restarts"] == restarts
        assert not set(process.descendants()) & {relay, player}
    process.stop()


def test_kill_9_of_the_daemon_leaves_no_pipeline(lan: Lan) -> None:
    host = lan.isolated("box")
    process = MediaProcess(host, sender=tone(), receiver={"output": {"kind": "none"}})
    process.activate("sender", sending(("127.0.0.1", "127.0.0.1")))
    process.until("sender", "running")
    process.activate("receiver", receiving(("127.0.0.1", None, None)))
    process.until("receiver", "running")
    pipelines = process.descendants()
    assert len(pipelines) == 3, "the sender's, the relay and the receiver's"
    process.kill()
    eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pipelines), "the end of the pipelines")


def test_no_sound_card_is_told_as_it_is(lan: Lan) -> None:
    host = lan.isolated("box")
    process = MediaProcess(host, sender={"input": {"kind": "alsa", "device": "hw:CARD=none ! fakesink"}})
    process.activate("sender", sending(("127.0.0.1", "127.0.0.1")))
    fault = process.until("sender", "fault")
    why = "gst-launch-1.0 ended with 255: Could not open audio device for recording"
    assert fault["detail"] == f"{why}: is it free, and the right one? nmos-appliance devices lists what there is"
    process.stop()


def test_without_gstreamer_it_joins_and_says_what_to_install(lan: Lan) -> None:
    host = lan.host("box")
    process = MediaProcess(
        host, receiver={"output": {"kind": "none"}}, media={"gst_launch": "gst-launch-that-is-not-there"}
    )
    process.activate("receiver", receiving((host.address(), GROUP, None)))
    detail = process.until("receiver", "fault")["detail"]
    assert detail.startswith("gst-launch-that-is-not-there is not installed: apt install gstreamer1.0-tools ")
    assert GROUP in host.memberships()
    process.stop()
