"""A commit costs what it touches, whatever else the store holds: counted in calls, which no busy machine changes."""

import gc
import sys
from collections import Counter
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from appliance.core.store import Store, Transaction
from appliance.core.types import Kind
from tests.support.clock import FakeClock

Work = Callable[[Transaction], object]

COMMITS: dict[str, Work] = {
    "an update": lambda tx: tx.update(Kind.SENDER, "s3", label="Other"),
    "one of what others refer to": lambda tx: tx.update(Kind.DEVICE, "d", label="Other"),
    "a touch": lambda tx: tx.touch(Kind.SENDER, "s3"),
    "a new one": lambda tx: tx.put(Kind.SENDER, _sender("new")),
    "one goes": lambda tx: tx.delete(Kind.SENDER, "s3"),
    "an aspect": lambda tx: tx.attach("connection", "s3", {"active": {"master_enable": True}}),
}


def _sender(id: str) -> dict[str, Any]:
    return {"id": id, "device_id": "d", "flow_id": None, "label": "Sender"}


def _store(senders: int) -> Store:
    store = Store(FakeClock())
    with store.transaction("start") as tx:
        tx.put(Kind.NODE, {"id": "n", "label": "Node"})
        tx.put(Kind.DEVICE, {"id": "d", "node_id": "n", "label": "Device"})
        for number in range(senders):
            tx.put(Kind.SENDER, _sender(f"s{number}"))
            tx.attach("connection", f"s{number}", {"active": {"master_enable": False}})
    return store


def _steps(store: Store, work: Work) -> Counter[str]:
    """Each line of Python that was run, and each call into C, by how often."""
    steps: Counter[str] = Counter()

    def line(frame: FrameType, event: str, argument: Any) -> Any:
        steps[f"{frame.f_code.co_qualname}:{frame.f_lineno}"] += event == "line"
        return line

    def call(frame: FrameType, event: str, argument: Any) -> None:
        if event == "c_call":
            steps[f"{frame.f_code.co_qualname} calls {argument.__qualname__}"] += 1

    traced, profiled = sys.gettrace(), sys.getprofile()
    gc.disable()
    sys.settrace(line)
    sys.setprofile(call)
    try:
        with store.transaction("work") as tx:
            work(tx)
    finally:
        sys.setprofile(profiled)
        sys.settrace(traced)
        gc.enable()
    return steps


@pytest.mark.parametrize("work", COMMITS.values(), ids=COMMITS)
def test_a_commit_takes_as_many_steps_among_a_thousand_as_among_ten(work: Work) -> None:
    few, many = (_steps(_store(senders), work) for senders in (10, 1_000))
    assert sum(few.values()) > 20
    assert many == few
