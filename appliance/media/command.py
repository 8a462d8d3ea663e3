"""The command driver: a program of the integrator's for each sender or receiver, told everything there is to know.

The same words three times: the job as JSON on its standard input; each value of it in the environment, ``NMOS_`` and
where it is in the JSON (``NMOS_LEGS_0_PORT``); and the SDP alone, as ``NMOS_SDP``. docs/integrators.md has the list.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict

from appliance.config.model import MediaConfig
from appliance.core.types import JSON
from appliance.errors import ApplianceError, BadRequest
from appliance.media.engine import Job, Plan, Tools, descriptor
from appliance.media.gst_parts import destinations

MAX_SDP = 65_536
"""Octets; the kernel takes 131,072 for each variable (MAX_ARG_STRLEN)."""


class CommandEngine:
    """Plans for whatever ``command.argv`` of the sender or receiver names."""

    name = "command"

    def __init__(self, config: MediaConfig, tools: Tools) -> None:
        self._tools = tools

    def unavailable(self) -> str | None:
        return None

    def plan(self, job: Job) -> Plan:
        command = job.command
        if not command.argv:
            raise BadRequest("command.argv is missing: which program?")
        if job.sdp is not None and len(job.sdp.encode()) > MAX_SDP:
            raise BadRequest(f"the SDP has more than {MAX_SDP} octets, which is more than a program can be told")
        if self._tools.which(command.argv[0]) is None:
            raise ApplianceError(f"{command.argv[0]} is not there, or may not be run")
        sockets = job.legs if command.sockets and job.role == "receiver" else ()
        told = told_of(job)
        numbers = tuple((f"NMOS_LEGS_{leg}_FD", descriptor(leg)) for leg in range(len(sockets)))
        return Plan(
            argv=command.argv,
            sockets=sockets,
            ready=command.ready,
            claims=destinations(job.legs) if job.role == "sender" else frozenset({f"receiver {job.id}"}),
            environment=(*_flat("NMOS", told), *numbers),
            stdin=json.dumps(told),
            foreign=True,
        )


def told_of(job: Job) -> JSON:
    """What a program is told of its job; a value that does not apply is null."""
    return {
        "id": job.id,
        "label": job.label,
        "role": job.role,
        "media_type": job.media_type,
        "payload_type": job.payload_type,
        "legs": [asdict(leg) for leg in job.legs],
        "audio": asdict(job.audio) if job.audio else None,
        "video": asdict(job.video) if job.video else None,
        "input" if job.role == "sender" else "output": asdict(job.end),
        "sdp": job.sdp,
    }


def _flat(name: str, value: object) -> Iterator[tuple[str, str]]:
    """Every value that is there, by its place; what cannot be in an environment (NUL) is taken out of it."""
    if isinstance(value, dict):
        for key, inside in value.items():
            yield from _flat(f"{name}_{key.upper()}", inside)
    elif isinstance(value, list):
        for index, inside in enumerate(value):
            yield from _flat(f"{name}_{index}", inside)
    elif value is not None:
        yield name, str(value).replace("\0", "")
