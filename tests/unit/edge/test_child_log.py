"""How much of a program's standard error gets into the log."""

import logging

import pytest

from appliance.edge.child_log import LINES, PERIOD_S, ChildLog


def test_it_is_bounded_and_says_what_it_left_out(caplog: pytest.LogCaptureFixture) -> None:
    now = [0.0]
    child_log = ChildLog(lambda: now[0])
    with caplog.at_level(logging.INFO):
        for number in range(LINES + 5):
            child_log.line("Camera", f"line {number}")
        assert len(caplog.messages) == LINES
        now[0] += PERIOD_S
        child_log.line("Camera", "\x1b[31mred\x1b[0m")
    assert caplog.messages[LINES:] == ["Camera: 5 more lines were left out", "Camera:  [31mred [0m"]
