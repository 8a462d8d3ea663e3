"""Events on the panel's page: what is pressed there is heard, and what is heard lights a lamp there."""

import json

from tests.integration.conftest import StartBox
from tests.integration.test_events import board, connect, lit
from tests.integration.test_web import photograph, violations
from tests.lan.box import CHECKOUT, Box
from tests.lan.browser import Browser
from tests.lan.network import Lan
from tests.lan.waiting import eventually

CONFIG = (CHECKOUT / "docs" / "examples" / "everything.toml").read_text(encoding="utf-8")


def value(box: Box, label: str) -> object:
    return next(source["value"] for source in board(box)["sources"] if source["label"] == label)


def test_buttons_and_lamps(lan: Lan, start_box: StartBox, browser: Browser, axe: str) -> None:
    box = start_box(lan.host("box"), CONFIG, name="box")
    connect(box, "Tally lamp", box, "Button")
    connect(box, "Message", box, "Text")
    browser.open(box.url)
    browser.sees("off", "#event-sources button")
    browser.sees("on air", "#shown")
    browser.click("#event-sources button", "off")
    browser.wait("document.querySelector('#lamps .lit') !== null")
    assert lit(box) == {"tally"}
    browser.sees("on", "#event-receivers")
    assert violations(browser, axe) == []
    photograph(browser, "events")
    for label, tag, written, expected in (
        ("Studio condition", "select", json.dumps(2), 2),
        ("Temperature", "input", "36.6", 36.6),
        ("Text", "input", "<b>5 minutes</b>", "<b>5 minutes</b>"),
    ):
        control = f"document.querySelector('#event-sources {tag}[aria-label={json.dumps(label)}]')"
        browser.evaluate(f"{control}.value = {json.dumps(written)}")
        browser.evaluate(f"{control}.dispatchEvent(new Event('change', {{ bubbles: true }}))")
        eventually(lambda label=label, expected=expected: value(box, label) == expected, label)  # type: ignore[misc]
    browser.sees("<b>5 minutes</b>", "#shown")
    control = "document.querySelector('#event-sources input[aria-label=Temperature]')"
    browser.evaluate(f"{control}.value = '500'")
    browser.evaluate(f"{control}.dispatchEvent(new Event('change', {{ bubbles: true }}))")
    browser.sees("must be -20 to 100", "#toast")
    browser.wait(f"{control}.value === '36.6'")
    browser.errors.clear()  # the 400 that was asked for
