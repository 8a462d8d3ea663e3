"""The kernel's clocks: TAI for versions and activations, monotonic for intervals."""

from __future__ import annotations

import time

from appliance.core.tai import DEFAULT_TAI_OFFSET_S, NS

_CLOCK_TAI = 11  # CLOCK_TAI of linux/time.h; the time module has no name for it before Python 3.13


class SystemClock:
    """Real time. Where nobody told the kernel the TAI offset (it is then 0), the offset since 2017 is used."""

    def tai_ns(self) -> int:
        try:
            tai = time.clock_gettime_ns(_CLOCK_TAI)
        except OSError:  # not Linux
            return time.time_ns() + DEFAULT_TAI_OFFSET_S * NS
        offset_is_set = tai - time.time_ns() > NS // 2
        return tai if offset_is_set else tai + DEFAULT_TAI_OFFSET_S * NS

    def monotonic(self) -> float:
        return time.monotonic()
