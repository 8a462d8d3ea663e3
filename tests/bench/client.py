"""A small HTTP load generator, for where there is no wrk: told what to do by JSON on stdin, it answers on stdout.

{"address", "port", "connections", "seconds", "requests": [{"method", "path", "body"}, ...]} in; {"requests",
"seconds", "median_ms", "p99_ms", "min_ms", "max_ms", "errors"} out. It reads no more of an answer than it must, so
that the box is the slower one.
"""

from __future__ import annotations

import asyncio
import json
import re
import statistics
import sys
import time
from collections.abc import Iterator
from itertools import cycle
from typing import Any

from tests.bench.figures import percentile

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)


class Asking(asyncio.Protocol):
    """One connection: the next request when the answer to the last is here whole."""

    def __init__(self, requests: Iterator[bytes], until: float, took: list[float]) -> None:
        self.errors = 0
        self.ended = asyncio.get_running_loop().create_future()
        self._requests, self._until, self._took = requests, until, took
        self._received = bytearray()
        self._missing = 0
        self._sent = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._ask()

    def data_received(self, data: bytes) -> None:
        if self._missing:
            self._missing -= len(data)
        else:
            self._received += data
            if not self._begin():
                return
        if self._missing <= 0:
            self._received.clear()
            self._missing = 0
            self._took.append(time.perf_counter() - self._sent)
            self._ask()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.ended.done():
            if time.perf_counter() < self._until:
                self.errors += 1
            self.ended.set_result(None)

    def _ask(self) -> None:
        self._sent = time.perf_counter()
        if self._sent < self._until:
            self._transport.write(next(self._requests))
        else:
            self._transport.close()

    def _begin(self) -> bool:
        """Whether the head is here; then it is known how much of the body is not."""
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return False
        length = _LENGTH.search(self._received, 0, end + 2)
        self._missing = end + 4 + (int(length[1]) if length else 0) - len(self._received)
        self.errors += bytes(self._received[9:10]) not in (b"2", b"3")
        return True


def encoded(address: str, method: str, path: str, body: str) -> bytes:
    """The request as bytes."""
    payload = body.encode()
    head = f"{method} {path} HTTP/1.1\r\nHost: {address}\r\n"
    if payload:
        head += f"Content-Type: application/json\r\nContent-Length: {len(payload)}\r\n"
    return head.encode() + b"\r\n" + payload


async def run(order: dict[str, Any]) -> dict[str, Any]:
    requests = cycle([encoded(order["address"], **request) for request in order["requests"]])
    began = time.perf_counter()
    took: list[float] = []
    loop = asyncio.get_running_loop()
    made = [
        await loop.create_connection(
            lambda: Asking(requests, began + order["seconds"], took), order["address"], order["port"]
        )
        for _ in range(order["connections"])
    ]
    await asyncio.gather(*(asking.ended for _, asking in made))
    seconds = time.perf_counter() - began
    took.sort()
    return {
        "requests": len(took),
        "seconds": seconds,
        "median_ms": statistics.median(took) * 1000,
        "p99_ms": percentile(took, 0.99) * 1000,
        "min_ms": took[0] * 1000,
        "max_ms": took[-1] * 1000,
        "errors": sum(asking.errors for _, asking in made),
    }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(run(json.load(sys.stdin)))))
