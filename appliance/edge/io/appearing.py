"""Devices that come later, as of a board that is plugged in: inotify on their folder tells, and nothing is polled.

A node is there before udev gives it to our group; that is told too, as a change of its attributes.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import struct
from collections.abc import Callable

from appliance.edge.io import Close

_IN_ATTRIB, _IN_MOVED_TO, _IN_CREATE = 0x4, 0x80, 0x100
_HEAD = struct.Struct("iIII")
_AT_ONCE = 64 * 1024


def watch(path: str, again: Callable[[], object]) -> Close:
    """Call ``again`` when something of that name has come, or belongs to others now, until the returned is called."""
    folder, name = os.path.split(path)
    try:
        number = _open(folder or "/")
    except OSError:  # no such folder: nothing will come there that could be heard of
        return lambda: None
    loop = asyncio.get_running_loop()
    closed = False

    def read() -> None:
        if name.encode() in _names(os.read(number, _AT_ONCE)) and not closed:
            again()

    def close() -> None:
        nonlocal closed
        if not closed:
            closed = True
            loop.remove_reader(number)
            os.close(number)

    loop.add_reader(number, read)
    return close


def _open(folder: str) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    number: int = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    if number < 0:
        raise OSError(ctypes.get_errno(), "inotify")
    if libc.inotify_add_watch(number, os.fsencode(folder), _IN_ATTRIB | _IN_MOVED_TO | _IN_CREATE) < 0:
        error = ctypes.get_errno()
        os.close(number)
        raise OSError(error, folder)
    return number


def _names(events: bytes) -> set[bytes]:
    """inotify(7): each event is four numbers, the last the length of the name behind it, which zeros fill up."""
    names, at = set[bytes](), 0
    while at + _HEAD.size <= len(events):
        length = _HEAD.unpack_from(events, at)[3]
        at += _HEAD.size
        names.add(events[at : at + length].rstrip(b"\0"))
        at += length
    return names
