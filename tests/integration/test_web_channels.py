"""Channels on the panel's page: which goes where is seen at the box's side, and changed there."""

import json

from tests.integration.conftest import StartBox
from tests.integration.test_web import photograph, violations
from tests.lan.box import CHECKOUT, Box
from tests.lan.browser import Browser
from tests.lan.network import Lan
from tests.lan.waiting import eventually

CONFIG = (CHECKOUT / "docs" / "examples" / "everything.toml").read_text(encoding="utf-8")
API = "/x-nmos/channelmapping/v1.0"


def routed(box: Box, output: str) -> list[tuple[str | None, int | None]]:
    entries = box.json(f"{API}/map/active/{output}")["map"][output]
    return [(entry["input"], entry["channel_index"]) for entry in entries.values()]


def edit(browser: Browser, output: str) -> None:
    """Open what an output has: its button may be further down."""
    found = f"[...document.querySelectorAll('#outputs button')].find((each) => each.textContent.includes('{output}'))"
    browser.wait(f"{found} !== undefined")
    browser.evaluate(f"{found}.scrollIntoView({{ block: 'center' }})")
    browser.frames()
    browser.click("#outputs button", output)


def choose(browser: Browser, channel: str, value: str) -> None:
    select = f"document.querySelector('#mapping-channels select[aria-label={json.dumps(channel)}]')"
    browser.wait(f"{select} !== null")
    browser.evaluate(f"{select}.value = {json.dumps(value)}")


def test_channels_are_seen_and_mapped(lan: Lan, start_box: StartBox, browser: Browser, axe: str) -> None:
    box = start_box(lan.host("box"), CONFIG, name="box")
    browser.open(box.url)
    browser.sees("Left ← Tone L24 Left · Right ← Tone L24 Right", "#outputs")
    edit(browser, "Tone L24")
    browser.sees("Channels of Tone L24", "#mapping")
    choose(browser, "Left", "0 mono")
    choose(browser, "Right", "")
    assert violations(browser, axe) == []
    photograph(browser, "channels")
    browser.click("#mapping-save")
    browser.wait("!document.querySelector('#mapping').open")
    eventually(lambda: routed(box, "sender-tone-l24") == [("mono", 0), (None, None)], "the map of the sender")
    browser.sees("Left ← Mono Sum · Right ← silence", "#outputs")

    # An input that goes in pairs is refused with the reason, and nothing is changed.
    edit(browser, "Tone L24")
    choose(browser, "Right", "0 receiver-pair")
    browser.click("#mapping-save")
    browser.sees("is routed in blocks of 2", "#mapping-error")
    browser.click("#mapping-cancel")
    assert routed(box, "sender-tone-l24") == [("mono", 0), (None, None)]
    browser.errors.clear()  # the 400 that was asked for


def test_a_box_that_maps_nothing_shows_nothing_of_it(lan: Lan, start_box: StartBox, browser: Browser) -> None:
    box = start_box(lan.host("box"), CONFIG.partition("# ---- Channel mapping")[0], name="box")
    assert "channelmapping/" not in box.json("/x-nmos/")
    browser.open(box.url)
    browser.sees("Tone L24", "#names")
    assert browser.evaluate("document.querySelector('#channels').hidden")
