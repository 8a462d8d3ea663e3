"""Packet filters that the kernel runs on a socket (BPF, socket(7) SO_ATTACH_FILTER)."""

from __future__ import annotations

import ctypes
import socket
import struct
from collections.abc import Sequence
from typing import TypeAlias

Instruction: TypeAlias = tuple[int, int, int, int]
"""struct sock_filter of linux/filter.h: code, jump if true, jump if false, k."""
ACCEPT: Instruction = (0x06, 0, 0, 0xFFFFFFFF)
DROP: Instruction = (0x06, 0, 0, 0)
_SO_ATTACH_FILTER = 26  # asm-generic/socket.h


def attach(target: socket.socket, program: Sequence[Instruction]) -> None:
    """Replaces the filter that was there in one step."""
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *instruction) for instruction in program))
    target.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("@HP", len(program), ctypes.addressof(code)))
