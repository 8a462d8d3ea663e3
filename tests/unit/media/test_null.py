"""The null driver."""

from appliance.media.null import NullEngine
from tests.unit.media.streams import RECEIVER


def test_it_is_always_there_and_runs_nothing() -> None:
    engine = NullEngine()
    assert engine.unavailable() is None
    assert engine.plan(RECEIVER).argv is None
