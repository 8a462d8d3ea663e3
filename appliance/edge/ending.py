"""Whether the box comes back after it was told to stop: what IS-07 calls reboot, or shutdown (Message types 1.2, 1.3).

A process that is told to stop is not told why. The service manager knows: while the box stops it has a job that
restarts its unit, or one that starts the target of a reboot. So it is asked, and has to answer soon.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from appliance.edge.process import Process, environment

UNIT = "nmos-appliance.service"
_COMING_BACK = {(UNIT, "restart")} | {(f"{how}.target", "start") for how in ("reboot", "kexec", "soft-reboot")}
JOBS = ("systemctl", "list-jobs", "--no-legend", "--no-pager", "--plain")
PATIENCE_S = 0.4
_MAX_LINES = 1000


async def ending(
    variables: Mapping[str, str], jobs: Sequence[str] = JOBS, patience_s: float = PATIENCE_S
) -> Literal["reboot", "shutdown"]:
    """Where nobody can be asked it is a shutdown: nobody promised that the box comes back. ``variables`` are those of
    this process, ``jobs`` the command that lists what the service manager is about to do."""
    if "INVOCATION_ID" not in variables:  # systemd.exec(5): set for whatever it starts
        return "shutdown"
    lines: list[str] = []
    try:
        asking = Process(
            jobs,
            on_line=lambda line: lines.append(line) if len(lines) < _MAX_LINES else None,
            on_exit=lambda code, last_lines: None,
            environment=environment(variables),
        )
    except OSError:
        return "shutdown"
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(patience_s):
            await asking.ended()
    asking.kill()
    await asking.ended()
    return "reboot" if comes_back(lines) else "shutdown"


def comes_back(jobs: Iterable[str]) -> bool:
    """``jobs``: lines as of ``systemctl list-jobs``, such as ``1203 nmos-appliance.service restart running``."""
    return not _COMING_BACK.isdisjoint(tuple(job.split()[1:3]) for job in jobs)
