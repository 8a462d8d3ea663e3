"""Gives up a right that was needed to open something (capabilities(7))."""

from __future__ import annotations

import ctypes
import logging
import os
import struct

log = logging.getLogger(__name__)

CAP_NET_RAW = 13
_VERSION_3 = 0x20080522
_HEADER, _DATA = struct.Struct("=Ii"), struct.Struct("=6I")  # effective, permitted, inheritable; low words, then high


def give_up(capability: int) -> None:
    """Neither this process nor those it starts may use it any more: what leaves the permitted set leaves the ambient
    one too. Where the kernel or the C library has no such thing there is nothing to give up."""
    if capability >= 32:
        raise ValueError("only the first 32 capabilities")
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "capset"):
        return
    header = ctypes.create_string_buffer(_HEADER.pack(_VERSION_3, 0), _HEADER.size)
    data = ctypes.create_string_buffer(_DATA.size)
    if libc.capget(header, data):
        log.info("capabilities cannot be read: %s", os.strerror(ctypes.get_errno()))
        return
    sets = [bits & ~(1 << capability) if at < 3 else bits for at, bits in enumerate(_DATA.unpack(data.raw))]
    data = ctypes.create_string_buffer(_DATA.pack(*sets), _DATA.size)
    if libc.capset(header, data):
        log.warning("capability %d cannot be given up: %s", capability, os.strerror(ctypes.get_errno()))
