"""The command driver: what a program is told."""

import json
from dataclasses import replace

import pytest

from appliance.config.model import CommandConfig, MediaConfig
from appliance.errors import ApplianceError, BadRequest
from appliance.media.command import MAX_SDP, CommandEngine
from appliance.media.engine import Plan, Tools, environment_of
from tests.unit.media.streams import RECEIVER, SENDER

PROGRAM = CommandConfig(("/opt/play", "--fast"), ready="go")
TOLD_RECEIVER = replace(RECEIVER, command=PROGRAM, media_type="audio/L24", sdp="v=0\r\ns=\0x\r\n")


def plan(**changes: object) -> Plan:
    return CommandEngine(MediaConfig(), Tools(lambda program: program)).plan(replace(TOLD_RECEIVER, **changes))  # type: ignore[arg-type]


def test_the_program_is_run_as_configured() -> None:
    planned = plan()
    assert planned.argv == ("/opt/play", "--fast")
    assert (planned.ready, planned.foreign, planned.sockets) == ("go", True, ())
    assert planned.claims == {"receiver r"}, "the same receiver's program is not started while the one before it runs"


def test_it_is_told_the_job_as_json() -> None:
    told = json.loads(plan().stdin)
    assert told["role"] == "receiver"
    assert told["media_type"] == "audio/L24"
    assert told["sdp"] == TOLD_RECEIVER.sdp
    assert told["audio"]["channels"] == 2
    assert told["video"] is None
    assert told["output"]["kind"] == "none"
    assert told["legs"] == [
        {
            "interface": "eth0",
            "interface_ip": "10.1.0.2",
            "destination_ip": "239.1.1.1",
            "port": 5004,
            "source_ip": None,
            "source_port": None,
            "ttl": 32,
        }
    ]


def test_it_is_told_the_same_in_its_environment() -> None:
    environment = dict(plan().environment)
    assert environment["NMOS_ROLE"] == "receiver"
    assert environment["NMOS_LEGS_0_PORT"] == "5004"
    assert environment["NMOS_AUDIO_SAMPLE_RATE"] == "48000"
    assert environment["NMOS_SDP"] == "v=0\r\ns=x\r\n", "an environment has no NUL"
    assert "NMOS_LEGS_0_SOURCE_IP" not in environment


def test_it_can_be_given_sockets() -> None:
    planned = plan(command=replace(PROGRAM, sockets=True))
    assert planned.sockets == TOLD_RECEIVER.legs
    assert environment_of(planned, [7])["NMOS_LEGS_0_FD"] == "7"


def test_a_sender_is_told_its_input_and_claims_where_it_sends() -> None:
    planned = plan(role="sender", end=SENDER.end, command=replace(PROGRAM, sockets=True))
    assert json.loads(planned.stdin)["input"]["kind"] == "tone"
    assert not planned.sockets
    assert planned.claims == {"to 239.1.1.1:5004"}


def test_what_it_cannot_do_it_says() -> None:
    with pytest.raises(BadRequest, match="which program"):
        plan(command=CommandConfig())
    with pytest.raises(BadRequest, match="more than 65536 octets"):
        plan(sdp="x" * (MAX_SDP + 1))
    engine = CommandEngine(MediaConfig(), Tools(lambda program: None))
    with pytest.raises(ApplianceError, match="/opt/play is not there, or may not be run"):
        engine.plan(TOLD_RECEIVER)
