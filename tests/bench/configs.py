"""Configurations for boxes of any size. Streams go nowhere (the null driver): measured is the box, not GStreamer."""

from __future__ import annotations

from collections.abc import Iterator


def box_config(senders: int, receivers: int, *, interface: str, mode: str = "auto") -> str:
    """TOML of a box with so many senders and receivers, spread over devices of 20."""
    return "\n".join([
        '[node]\nlabel = "bench"',
        f'[network]\ninterfaces = ["{interface}"]',
        f'[discovery]\nmode = "{mode}"',
        '[media]\ndriver = "null"',
        *_devices(max(senders, receivers)),
        *_endpoints("senders", "Out", "input", "silence", senders),
        *_endpoints("receivers", "In", "output", "none", receivers),
    ])  # fmt: skip


_PER_DEVICE = 20


def _devices(endpoints: int) -> Iterator[str]:
    for number in range((max(endpoints, 1) - 1) // _PER_DEVICE + 1):
        yield f'[[devices]]\nname = "device-{number}"\nlabel = "Device {number}"'


def _endpoints(table: str, label: str, side: str, kind: str, count: int) -> Iterator[str]:
    for number in range(count):
        yield (
            f'[[{table}]]\nname = "{table}-{number}"\ndevice = "device-{number // _PER_DEVICE}"\n'
            f'label = "{label} {number}"\n{side} = {{ kind = "{kind}" }}'
        )
