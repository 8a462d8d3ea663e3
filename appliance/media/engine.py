"""The media engine protocol: what a driver is asked, and what it answers. Drivers are pure: they plan, the edge runs.

A *job* is what one sender or receiver should be doing now, entirely resolved (no ``auto``). An engine turns it into a
*plan*: a child process to supervise, or nothing to run. Equal jobs mean nothing has to be restarted.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

from appliance.config.model import CommandConfig, InputConfig, OutputConfig
from appliance.config.video import VideoConfig
from appliance.errors import ApplianceError
from appliance.network.model import parsed


@dataclass(frozen=True, slots=True)
class Leg:
    """One leg of an RTP stream.

    ``destination_ip`` is the group (or, for a unicast receiver, its own address) and ``port`` the RTP port there;
    ``source_ip`` is a sender's own address, or the only source a receiver listens to (``None``: any);
    ``interface`` and ``interface_ip`` are where it leaves or arrives.
    """

    interface: str
    interface_ip: str
    destination_ip: str
    port: int
    source_ip: str | None = None
    source_port: int | None = None
    ttl: int = 32

    @property
    def multicast(self) -> bool:
        return parsed(self.destination_ip).is_multicast


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """Linear PCM as RTP carries it: ``encoding`` L16 or L24, ``packet_time_ms`` 1 or 0.125 as a rule."""

    encoding: str
    sample_rate: int
    channels: int
    packet_time_ms: float = 1.0
    payload_type: int = 97


@dataclass(frozen=True, slots=True)
class Patch:
    """Where a stream meets the box's mixer (edge/mixer.py): the Input it writes or the Output it reads by IS-08 id, so
    many channels of 32 bit samples at this rate, and so many ``frames`` in each packet that it reads."""

    to_mixer: bool
    id: str
    channels: int
    sample_rate: int
    frames: int


@dataclass(frozen=True, slots=True)
class Job:
    """What one sender or receiver should be doing.

    ``id`` is its IS-04 id, ``end`` where the essence comes from or goes; ``audio`` is ``None`` for every other format,
    ``video`` for audio, and where a receiver has not been told of a picture. ``bit_rate`` is a codestream's, in
    kilobits a second. ``command`` and ``sdp`` are for the driver of that name. The label is for people: jobs that
    differ in nothing else are the same job; nor does the SDP make another one, which tells much that is not for media.
    ``activation`` is when it was activated: the same again at another time is to be done again (IS-05 Behaviour -
    Re-Activating Senders & Receivers).

    With a ``patch`` the mixer is in the place of what the network is not: a sender reads from it, a receiver writes to
    it. Two more roles have no network: a capture goes from a sender's input to the mixer, a sink from the mixer to a
    receiver's output.
    """

    id: str
    role: Literal["sender", "receiver", "capture", "sink"]
    driver: str
    label: str = field(compare=False)
    legs: tuple[Leg, ...]
    audio: AudioFormat | None
    end: InputConfig | OutputConfig
    activation: str | None = None
    media_type: str = ""
    payload_type: int = 97
    video: VideoConfig | None = None
    bit_rate: int | None = None
    command: CommandConfig = field(default_factory=CommandConfig)
    sdp: str | None = field(default=None, compare=False)
    patch: Patch | None = None


@dataclass(frozen=True, slots=True)
class Relay:
    """A receiver's packets go through the relay (edge/relay.py): it makes one unbroken stream of sound of them,
    so that the process behind it need not be started anew for another source. Packets wait for each other for at most
    ``patience_s``; ``width`` are the octets of a sample."""

    rate: int
    channels: int
    width: int
    patience_s: float


@dataclass(frozen=True, slots=True)
class Plan:
    """What carries a job out.

    ``argv`` is a child process to keep alive, ``None`` where there is nothing to run. A receiver's process reads the
    RTP packets of its legs from sockets that the daemon opened for it: an element of ``argv`` that has
    :func:`descriptor` of a leg in it gets that socket's number; with a ``relay``, of the first leg, it gets the relayed
    packets of all. ``ready`` is how the line on its standard output
    begins that tells it runs (``None``: it runs once it is started). ``ends`` says that ending with 0 is how it gets
    to its beginning again, and no fault. ``claims`` are what no two processes can have at a time. ``advice`` is what to
    tell people too where some words are in the process's own. ``environment`` is what the process finds there besides
    what all have (a value that is a :func:`descriptor` becomes that socket's number), ``stdin`` what it can read.
    ``foreign`` says that it is somebody else's program: it is told to end by SIGTERM, as programs expect, and what it
    says on its standard error is in the log. ``patch``: it meets the mixer, by a socket whose number gets to where
    ``argv`` has :data:`MIXER`. ``packet_s`` is how long each packet is, and ``sends_to`` to how many legs they go, of a
    sender that says again and again how far it is (media/figures.py).
    """

    argv: tuple[str, ...] | None
    sockets: tuple[Leg, ...] = ()
    relay: Relay | None = None
    ready: str | None = None
    ends: bool = False
    claims: frozenset[str] = frozenset()
    advice: tuple[tuple[str, str], ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    stdin: str = ""
    foreign: bool = False
    patch: Patch | None = None
    packet_s: float = 0.0
    sends_to: int = 0

    def becomes(self, other: Plan) -> bool:
        """Whether what runs by this plan carries out the other as soon as its relay reads from other sockets."""
        return self.relay is not None and replace(other, sockets=self.sockets) == self


Which = Callable[[str], str | None]
"""Where a program is, ``None`` if it is not installed: ``shutil.which``."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What drivers may ask of the host they work on, and use there. ``which`` is asked whenever a program is needed: it
    may be installed meanwhile. ``file_loop`` is edge/file_loop.py, ready to be given its arguments. ``elements`` are
    those of GStreamer that are there, ``None`` while that is not known."""

    which: Which
    file_loop: tuple[str, ...] = ()
    elements: Callable[[], Container[str] | None] = lambda: None


class NotYet(ApplianceError):
    """A driver will know in a moment; nothing is wrong."""


class Engine(Protocol):
    """A media driver. One file each, made of the configuration and the tools; see docs/integrators.md."""

    name: str

    def unavailable(self) -> str | None:
        """``None`` where the driver can work here, else what to do about it ("install gstreamer1.0-tools")."""
        ...

    def plan(self, job: Job) -> Plan:
        """How to do ``job``; :class:`~appliance.errors.BadRequest` where this driver cannot, and why; another
        :class:`~appliance.errors.ApplianceError` where it cannot now, or :class:`NotYet`."""
        ...


Phase = Literal["idle", "starting", "running", "fault"]


@dataclass(frozen=True, slots=True)
class StreamStatus:
    """How a sender's or receiver's stream is doing.

    ``detail`` is a sentence for people, empty while all is well; ``last_error`` is the last one of a fault since the
    activation, also when it is over. ``signal``: whether something arrives to be played, or is there to be sent, in the
    last second; ``None`` where nothing runs that could tell, or that was not heard yet. ``silent`` are the interfaces
    of legs that bring nothing while another leg does.
    """

    phase: Phase = "idle"
    detail: str = ""
    restarts: int = 0
    signal: bool | None = None
    silent: tuple[str, ...] = ()
    last_error: str = field(default="", compare=False)


def descriptor(leg: int) -> str:
    """What stands in an ``argv`` for the number of the socket at which leg ``leg`` (from 0) arrives."""
    return f"@leg{leg}@"


MIXER = "fd=@mixer@"
_BESIDE = "/mixer"


def beside(id: str) -> str:
    """What the stream is called that runs beside a sender or receiver, at the other side of the mixer."""
    return id + _BESIDE


def owner(id: str) -> str:
    """The sender or receiver that a stream belongs to."""
    return id.removesuffix(_BESIDE)


def with_descriptors(argv: Sequence[str], numbers: Sequence[int], mixer: int | None = None) -> tuple[str, ...]:
    """``argv`` with the numbers of the legs' sockets in place, and of the one that leads to the mixer.

    Only a whole ``name=@leg0@`` is replaced: a file may be called what it likes.
    """
    numbered = {f"fd={descriptor(leg)}": f"fd={number}" for leg, number in enumerate(numbers)}
    if mixer is not None:
        numbered[MIXER] = f"fd={mixer}"
    return tuple(numbered.get(element, element) for element in argv)


def environment_of(plan: Plan, numbers: Sequence[int]) -> dict[str, str]:
    """The plan's own environment, with the numbers of the legs' sockets in place."""
    numbered = {descriptor(leg): str(number) for leg, number in enumerate(numbers)}
    return {name: numbered.get(value, value) for name, value in plan.environment}
