"""Fails a test that leaves something behind: a thread, a socket, an asyncio task.

`no_leaks` is for every test (tests/conftest.py uses it so). Coroutines are best run with `run`, which looks at the
loop's tasks before it closes.
"""

import asyncio
import gc
import os
import threading
import time
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from appliance.system.turns import Turns, measured_loop

T = TypeVar("T")

_FDS = Path("/proc/self/fd")
_GRACE_S = 2.0


@pytest.fixture(autouse=True)
def no_leaks() -> Iterator[None]:
    """Every thread that the test started has ended, and every socket that it opened is closed."""
    threads, sockets = set(threading.enumerate()), _sockets()
    yield
    left = _ended(threads)
    assert not left, f"threads left running: {', '.join(thread.name for thread in left)}"
    if _sockets() - sockets:
        gc.collect()  # one that is only waiting for the collector warns of itself, and warnings are errors
    assert not (open_still := _sockets() - sockets), f"sockets left open: {', '.join(sorted(open_still))}"


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """`asyncio.run` on a loop as a box has it; an AssertionError when the coroutine leaves tasks that still run."""

    async def watched() -> T:
        result = await coroutine
        await asyncio.sleep(0)  # what was just cancelled may end
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert not left, f"tasks left running: {', '.join(map(str, left))}"
        return result

    with asyncio.Runner(loop_factory=lambda: measured_loop(Turns())) as runner:
        return runner.run(watched())


def _ended(before: set[threading.Thread]) -> list[threading.Thread]:
    deadline = time.monotonic() + _GRACE_S
    started = [thread for thread in threading.enumerate() if thread not in before]
    for thread in started:
        thread.join(max(0.0, deadline - time.monotonic()))
    return [thread for thread in started if thread.is_alive()]


def _sockets() -> set[str]:
    """The sockets of this process as "socket:[inode]": an inode is not used again as file descriptors are."""
    found = set()
    for name in os.listdir(_FDS):  # noqa: PTH208 - a path object for each descriptor before every test is dear
        try:
            target = os.readlink(f"{_FDS}/{name}")  # noqa: PTH115
        except FileNotFoundError:
            continue  # the descriptor of the listing itself
        if target.startswith("socket:"):
            found.add(target)
    return found
