"""The null driver: connections are made, groups joined and everything shown, and nothing is sent or played.

For formats that no driver here can do yet, for boxes whose media is somebody else's business, and for conformance runs.
"""

from __future__ import annotations

from appliance.media.engine import Job, Plan


class NullEngine:
    """Takes every job and has nothing to run for it."""

    name = "null"

    def unavailable(self) -> str | None:
        return None

    def plan(self, job: Job) -> Plan:
        return Plan(None)
