"""Which streams meet the mixer, and which run beside them."""

import uuid
from dataclasses import replace

from appliance.config.mapping import MappedInputConfig, MappingConfig
from appliance.config.model import Config, DeviceConfig, InputConfig, MediaConfig, ReceiverConfig, SenderConfig
from appliance.core.ids import Identities
from appliance.core.types import Kind
from appliance.media.engine import AudioFormat, Job, Patch, beside, owner
from appliance.media.jobs import Refusal
from appliance.media.patching import Patching
from appliance.nmos.is08.matrix import Output, Routes, matrix
from tests.unit.media.streams import RECEIVER, SENDER

IDENTITIES = Identities(uuid.UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8"))
MAPPING = MappingConfig(inputs=(MappedInputConfig("mono", sum_of="receiver-speaker"),))
CONFIG = Config(
    mapping=MAPPING,
    devices=(DeviceConfig("box"),),
    senders=(
        SenderConfig("tone", "box", channels=4, sample_rate=96_000),
        SenderConfig("quiet", "box", input=InputConfig("silence")),
        SenderConfig("other", "box", driver="null"),
    ),
    receivers=(ReceiverConfig("speaker", "box"), ReceiverConfig("other", "box", driver="null")),
)


def sender(name: str) -> str:
    return IDENTITIES.of(Kind.SENDER, name)


def receiver(name: str) -> str:
    return IDENTITIES.of(Kind.RECEIVER, name)


def patching() -> Patching:
    endpoints = {sender(one.name): one for one in CONFIG.senders} | {
        receiver(one.name): one for one in CONFIG.receivers
    }
    return Patching(MAPPING, CONFIG.media, endpoints, matrix(CONFIG, IDENTITIES))


def test_a_sender_reads_its_output_and_a_receiver_writes_what_its_stream_has() -> None:
    sent = patching().patched(sender("tone"), SENDER)
    assert sent == replace(SENDER, patch=Patch(False, "sender-tone", 4, 48_000, 240))
    wide = replace(RECEIVER, audio=AudioFormat("L24", 96_000, 6))
    assert patching().patched(receiver("speaker"), wide) == replace(
        wide, patch=Patch(True, "receiver-speaker", 6, 48_000, 240)
    )


def test_what_cannot_meet_the_mixer_stays_as_it_is() -> None:
    ours = patching()
    assert ours.patched(sender("other"), SENDER) is SENDER
    assert ours.patched(receiver("other"), RECEIVER) is RECEIVER
    assert ours.patched(sender("tone"), None) is None
    refusal = Refusal("no")
    assert ours.patched(sender("tone"), refusal) is refusal
    events = replace(SENDER, audio=None)
    assert ours.patched("somebody else", events) is events


def running(routes: dict[str, Routes], *active: str) -> dict[str, Job | None]:
    def routes_of(output: Output) -> Routes:
        return routes.get(output.id, (None,))

    found = patching().beside(routes_of, lambda id: id in active)
    return {owner(id): job for id, job in found if job is None or isinstance(job, Job)}


def test_captures_always_run_and_silence_needs_none() -> None:
    jobs = running({})
    assert jobs.keys() == {sender("tone"), receiver("speaker")}
    capture = jobs[sender("tone")]
    assert capture is not None
    assert (capture.role, capture.end) == ("capture", InputConfig("tone"))
    assert capture.id == beside(sender("tone"))
    assert capture.audio == AudioFormat("L24", 96_000, 4)
    assert capture.patch == Patch(True, "local-tone", 4, 48_000, 240)


def test_a_sink_runs_while_something_routed_there_can_be_heard() -> None:
    here = receiver("speaker")
    own: Routes = (("receiver-speaker", 0), None)
    assert running({"sink-speaker": own})[here] is None
    sink = running({"sink-speaker": own}, here)[here]
    assert sink is not None
    assert (sink.role, sink.audio) == ("sink", AudioFormat("L24", 48_000, 2))
    assert sink.patch == Patch(False, "sink-speaker", 2, 48_000, 240)
    assert running({"sink-speaker": (("mono", 0),)})[here] is None
    assert running({"sink-speaker": (("mono", 0),)}, here)[here] == sink
    assert running({"sink-speaker": (("local-tone", 3),)})[here] == sink
    assert running({"sink-speaker": (("local-quiet", 0),)})[here] is None
    assert running({"sink-speaker": (None, None)}, here)[here] is None


def test_another_driver_by_default_meets_no_mixer() -> None:
    endpoints = {sender("quiet"): CONFIG.senders[1]}
    other = Patching(MAPPING, MediaConfig(driver="null"), endpoints, matrix(CONFIG, IDENTITIES))
    assert other.patched(sender("quiet"), SENDER) is SENDER
    assert not list(other.beside(lambda _: (), lambda _: True))
