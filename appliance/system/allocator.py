"""Has the C library give large pieces of memory back to the kernel, however large ones were freed before."""

from __future__ import annotations

import contextlib

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h of glibc, mallopt(3)
_LARGE = 1 << 20
"""In bytes; above what a socket is read with, which comes and goes all the time."""


def give_back() -> None:
    """From now on. glibc would learn from a peer's answer of 16 MB that such pieces belong into the heap, and keep up
    to 32 MB at its end. Another C library is left alone."""
    import ctypes  # when the box has started: the first answer needs none

    with contextlib.suppress(AttributeError, OSError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_MMAP_THRESHOLD, _LARGE)
        mallopt(_M_TRIM_THRESHOLD, 2 * _LARGE)
