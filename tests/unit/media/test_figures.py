"""What processes say of their streams."""

import json
from typing import Any

import pytest

from appliance.media.figures import FLOOR_DB, LEVEL_S, Heard, LegFigures, StreamFigures

LEVEL = (
    'Got message #77 from element "level0" (element): level, endtime=(guint64)102000000, timestamp=(guint64)2000000,'
    " stream-time=(guint64)2000000, running-time=(guint64)2000000, duration=(guint64)100000000,"
    " rms=(GValueArray)< {rms} >, peak=(GValueArray)< {peak} >, decay=(GValueArray)< -1.9, -1.9 >;"
)


def level(rms: str = "-21.04, -350", peak: str = "-18.061, -inf") -> str:
    return LEVEL.format(rms=rms, peak=peak)


def report(**more: Any) -> str:
    legs = [{"packets": 1000, "lost": 3, "signal": True}, {"packets": 900, "lost": 103, "signal": False}]
    return json.dumps({"relay": {"signal": True, "lost": 1, "refused": 2, "legs": legs, **more}})


def test_a_receiver() -> None:
    heard = Heard()
    assert heard.signal(0.0) is None
    heard.line(report(), 1.0)
    heard.line(level(), 1.0)
    assert heard.signal(1.0) is True
    assert heard.figures(1.1) == StreamFigures(
        (LegFigures(1000, 3, True), LegFigures(900, 103, False)), 1, 2, (-18.1, FLOOR_DB), (-21.0, FLOOR_DB)
    )
    assert heard.legs_heard == (True, False)
    assert heard.line(report(signal=False), 2.0)
    assert heard.signal(2.0) is False


def test_levels_grow_old() -> None:
    heard = Heard()
    heard.line(level(), 1.0)
    assert heard.figures(1.0 + LEVEL_S).peak_db
    assert not heard.figures(1.1 + LEVEL_S).peak_db


def test_a_sender_has_sent_what_it_has_said() -> None:
    heard = Heard(legs=2, packet_s=0.001)
    assert heard.signal(0.0) is None
    assert heard.figures(0.0) == StreamFigures()
    assert heard.line(level(), 1.0)
    assert not heard.line(level(), 1.0), "one a tenth of a second: nothing new"
    assert heard.signal(1.5) is True
    assert heard.figures(1.5).legs == (LegFigures(102, 0, True), LegFigures(102, 0, True))
    assert heard.signal(2.5) is False
    assert heard.figures(2.5).legs == (LegFigures(102, 0, False), LegFigures(102, 0, False))


@pytest.mark.parametrize(
    "line",
    [
        "",
        "New clock: GstSystemClock",
        report()[:-20],
        '{"relay": 3}',
        '{"relay": {"legs": 1}}',
        report(legs=[{}]),
        report(lost="x"),
        'Got message #1 from element "fakesink0" (state-changed): level, endtime=(guint64)1,',
    ],
)
def test_other_lines_and_those_that_were_cut_say_nothing(line: str) -> None:
    heard = Heard()
    heard.line(line, 1.0)
    assert heard.signal(1.0) is None
    assert heard.legs_heard == ()
    assert heard.figures(1.0) == StreamFigures()


def test_levels_that_cannot_be_are_shown_as_what_can() -> None:
    heard = Heard()
    heard.line(level(rms="nan, x, 1e9", peak="-0, 3.02"), 1.0)
    assert heard.figures(1.0).rms_db == (FLOOR_DB, FLOOR_DB, 60.0)
    assert heard.figures(1.0).peak_db == (0.0, 3.0)
