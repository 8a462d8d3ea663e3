"""Has the C library give memory back to the kernel: large pieces at once, and what is free between others now and then.

What lives long lies among what comes and goes. So free memory gets scattered over the heap, and is too small for what
comes next: the heap of a box under load grew by 0.7 MB in four minutes in which what it held stayed the same.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h of glibc, mallopt(3)
_LARGE = 1 << 20
"""In bytes; above what a socket is read with, which comes and goes all the time."""
EVERY_S = 60.0
"""It takes 0.2 ms where there is much to give back, else 0.02."""
FIRST_S = 3.0
"""What the start left behind is given back sooner."""


class Allocator:
    """glibc's; another C library is left alone."""

    def __init__(self) -> None:
        self._trim: Callable[[int], int] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """glibc would learn from a peer's answer of 16 MB that such pieces belong into the heap, and keep up to 32 MB
        at its end."""
        import ctypes  # when the box has started: the first answer needs none

        with contextlib.suppress(AttributeError, OSError):
            library = ctypes.CDLL(None)
            library.mallopt(_M_MMAP_THRESHOLD, _LARGE)
            library.mallopt(_M_TRIM_THRESHOLD, 2 * _LARGE)
            self._trim = library.malloc_trim
            self._wait(FIRST_S)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def give_back(self) -> None:
        """Each page of the heap on which nothing lives."""
        if self._trim is not None:
            self._trim(0)
            self._wait()

    def _wait(self, seconds: float = EVERY_S) -> None:
        self._timer = asyncio.get_running_loop().call_later(seconds, self.give_back)
