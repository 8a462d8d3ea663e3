"""TAI timestamps as NMOS writes them: ``<seconds>:<nanoseconds>`` (IS-04 APIs, Common Keys, ``version``)."""

from __future__ import annotations

import re

from appliance.errors import BadRequest

NS = 1_000_000_000
DEFAULT_TAI_OFFSET_S = 37
"""TAI - UTC since 2017, used where the kernel's own offset was never set (it is then 0)."""

_TIMESTAMP = re.compile(r"([0-9]{1,12}):([0-9]{1,9})")


def format_tai(ns: int) -> str:
    """Nanoseconds → ``"1600000000:5"``; the nanoseconds are not padded."""
    seconds, rest = divmod(ns, NS)
    return f"{seconds}:{rest}"


def parse_tai(text: str) -> int:
    """``"1600000000:5"`` → nanoseconds; :class:`BadRequest` for anything else."""
    match = _TIMESTAMP.fullmatch(text)
    if match is None:
        raise BadRequest(f"{text[:40]!r} is not a TAI time of the form <seconds>:<nanoseconds>")
    return int(match[1]) * NS + int(match[2])
