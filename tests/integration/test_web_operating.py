"""The panel's page, what is kept: presets, favourites, auto-route, the lock; on two boxes, in a browser."""

from typing import Any

from tests.integration.conftest import StartBox
from tests.integration.test_two_boxes import SOURCE
from tests.integration.test_web import DISPLAY, SCREENSHOTS, photograph, press, shows, violations
from tests.lan.box import Box
from tests.lan.browser import MONITOR, PHONE, Browser
from tests.lan.network import Lan
from tests.lan.waiting import eventually

PIN = "4711"
PASSWORD = "hunter2 ünd so"
FIRST_PAINT_MS = 1000
MARKUP = "<img src=x onerror=alert(1)>"


def panel(box: Box) -> Any:
    return box.json("/panel/settings")["panel"]


def write(browser: Browser, field: str, text: str) -> None:
    browser.evaluate(f"document.querySelector('{field}').value = {text!r}")


def looked_at(browser: Browser, axe: str, name: str) -> None:
    """Both colours, both sizes: a picture, and nothing that axe objects to."""
    for scheme in ("light", "dark"):
        browser.prefer(prefers_color_scheme=scheme, prefers_reduced_motion="reduce")
        for at, size in (("monitor", MONITOR), ("phone", PHONE)):
            browser.resize(size)
            browser.frames()
            assert violations(browser, axe) == [], f"{name}, {at}, {scheme}"
            browser.screenshot(SCREENSHOTS / f"web-{name}-{at}-{scheme}.png")
            assert browser.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name}: too wide"
    browser.resize(MONITOR)


def test_presets_favourites_auto_route_and_the_lock(lan: Lan, start_box: StartBox, browser: Browser, axe: str) -> None:
    start_box(lan.host("source"), SOURCE, name="source")
    box = start_box(lan.host("display"), DISPLAY, name="display")
    browser.open(box.url)
    press(browser, "High")
    browser.sees("High", "#now-source")

    # A favourite comes first, by touch and by key.
    browser.evaluate("new Promise((seen) => setTimeout(seen, 350))")
    browser.evaluate("[...document.querySelectorAll('.tile')].find((t) => t.textContent.includes('Low')).id = 'low'")
    browser.click("#low .star")
    browser.sees("Favourites", "#list")
    browser.wait("document.querySelector('.tile .label').textContent === 'Low'")
    assert len(panel(box)["favourites"]) == 1
    assert shows(box) == "High", "a star takes nothing"
    browser.press("Home")
    browser.press("*")
    browser.wait("!document.querySelector('#list').innerText.includes('Favourites')")
    browser.press("*")
    browser.sees("Favourites", "#list")

    # A preset: saved, changed from, recalled by one press, renamed, deleted.
    browser.click("#presets button", "Save a preset")
    write(browser, "#preset-name", MARKUP)
    browser.click("#preset-save")
    browser.sees(MARKUP, "#preset-list")
    looked_at(browser, axe, "presets")
    write(browser, "#preset-name", "Evening")
    browser.click("#preset-list button", "Rename")
    browser.sees("Evening", "#preset-list")
    browser.click("#manage-close")
    press(browser, "Low")
    browser.sees("Low", "#now-source")
    browser.click("#presets button", "Evening")
    browser.sees("High", "#now-source")
    browser.sees("1 receiver changed", "#toast")
    assert browser.evaluate("document.querySelectorAll('main img, dialog img').length") == 0

    # Auto-route is set, does what it says, and waits for what was chosen by hand.
    browser.click("#route")
    browser.click("#modes label", "Follow")
    browser.evaluate("document.querySelector('#rules input[name=label]').focus()")
    browser.type("lo*")
    looked_at(browser, axe, "route")
    browser.click("#routing-save")
    browser.sees("Auto-route: follow", "#now-route")
    browser.sees("Low", "#now-source")
    browser.sees("rule 1", "#now-note")
    press(browser, "High")
    browser.sees("Chosen by hand", "#now-note")
    browser.click("#release")
    browser.sees("Low", "#now-source")

    # The box's ports are told, and what it looks like is kept in the browser.
    browser.sees("eth0 up", "#ports")
    browser.evaluate("document.querySelector('#theme').value = 'dark'")
    browser.evaluate("document.querySelector('#theme').dispatchEvent(new Event('change'))")
    browser.prefer(prefers_color_scheme="light")
    dark = "getComputedStyle(document.body).backgroundColor"
    assert browser.evaluate(dark) == "rgb(14, 17, 19)"
    browser.open(box.url)
    browser.sees("Low", "#now-source")
    assert browser.evaluate(dark) == "rgb(14, 17, 19)"
    browser.evaluate("localStorage.clear()")
    browser.open(box.url)
    browser.sees("Low", "#now-source")
    photograph(browser, "kept")

    # Locked: nothing can be done until the PIN is typed, here by the pad.
    browser.click("#set-pin")
    write(browser, "#pin-code", PIN)
    browser.click("#pin-save")
    browser.sees("The PIN is set", "#toast")
    browser.click("#lock")
    browser.wait("document.querySelector('#locked').checkVisibility()")
    looked_at(browser, axe, "locked")
    press(browser, "High")
    browser.wait("document.querySelector('#pin').open")
    for digit in "0000":
        browser.click("#pad button", digit)
    looked_at(browser, axe, "pin")
    browser.click("#pin-save")
    browser.sees("This PIN is wrong.", "#pin-error")
    for digit in PIN:
        browser.click("#pad button", digit)
    browser.click("#pin-save")
    browser.wait("!document.querySelector('#locked').checkVisibility()")
    assert shows(box) == "Low"
    assert not panel(box)["locked"]
    assert PIN not in box.log

    # Two panels at once: the one that is locked elsewhere says so here.
    assert box.post("/panel/lock", {}).status == 200
    browser.wait("document.querySelector('#locked').checkVisibility()")
    assert box.post("/panel/unlock", {"pin": PIN}).status == 200
    browser.wait("!document.querySelector('#locked').checkVisibility()")

    expected = [error for error in browser.errors if not any(status in error for status in ("403", "502", "404"))]
    browser.errors.clear()
    assert expected == []


def test_what_the_owner_says_and_a_favourite_that_leaves(
    lan: Lan, start_box: StartBox, browser: Browser, axe: str
) -> None:
    source = start_box(lan.host("source"), SOURCE, name="source")
    box = start_box(lan.host("display"), DISPLAY, name="display")
    browser.open(box.url)
    press(browser, "High")
    browser.sees("High", "#now-source")

    # What the owner says of a receiver: a name, a description, tags; by keys alone.
    browser.evaluate("document.querySelector('#rename').focus()")
    browser.press("Enter")
    browser.wait("document.querySelector('#naming').open")
    assert browser.evaluate("document.activeElement.id") == "naming-label"
    write(browser, "#naming-description", MARKUP)
    browser.evaluate("document.querySelector('#tag-add').focus()")
    browser.press("Enter")
    browser.wait("document.activeElement.name === 'tag'")
    browser.type("room")
    browser.press("Enter")
    browser.sees("A tag wants a name and a value.", "#naming-error")
    browser.evaluate("document.querySelector('#naming-tags input[name=value]').focus()")
    browser.type("7 b")
    looked_at(browser, axe, "naming")
    browser.press("Enter")
    browser.wait("!document.querySelector('#naming').open")
    [speaker] = [each for each in box.json("/x-nmos/node/v1.3/receivers") if each["label"] == "Speaker"]
    assert (speaker["description"], speaker["tags"]["room"]) == (MARKUP, ["7 b"])
    browser.click("#rename")
    browser.wait("document.querySelector('#naming').open")
    browser.click("#naming-tags button", "Remove")
    browser.click("#naming-save")
    browser.wait("!document.querySelector('#naming').open")
    [speaker] = [each for each in box.json("/x-nmos/node/v1.3/receivers") if each["label"] == "Speaker"]
    assert "room" not in speaker["tags"]

    # The favourite's node leaves the network: the favourite stays, says so, and goes with its star.
    sources = {each["label"]: each["id"] for each in box.json("/panel/sources")["sources"]}
    assert box.post("/panel/favourite", {"id": sources["Low"], "favourite": True}).status == 200
    assert box.post("/panel/presets/save", {"name": "Evening"}).status == 200
    assert source.stop() == 0
    browser.sees("not on the network since", "#list")
    browser.sees("Evening · without High", "#presets")
    photograph(browser, "absent")
    assert violations(browser, axe) == []
    press(browser, "Low")
    browser.sees("Low is not on the network since", "#toast")
    assert shows(box) == "High"
    browser.click("#list .misfit .star")
    browser.wait("!document.querySelector('#list').innerText.includes('Low')")
    assert browser.errors == []


def test_a_password_and_names_that_are_not_its_own(lan: Lan, start_box: StartBox, browser: Browser, axe: str) -> None:
    config = DISPLAY + f'[panel]\npassword = "{PASSWORD}"\nnames = ["panel.studio.example"]\n'
    box = start_box(lan.host("display"), config, name="display")
    other = lan.host("elsewhere")
    assert other.get(f"{box.url}/panel/status").status == 401
    assert other.get(f"{box.url}/panel/events").status == 401
    assert box.get("/panel/status").status == 200, "on the box itself"
    assert box.get("/panel/status", {"Host": "evil.example"}).status == 403
    assert box.get("/panel/status", {"Host": "panel.studio.example"}).status == 200
    assert other.get(f"{box.url}/x-nmos/node/").status == 200
    browser.open(box.url)
    browser.wait("document.querySelector('#login').open")
    looked_at(browser, axe, "login")
    write(browser, "#password", "hunter1")
    browser.press("Enter")
    browser.sees("This password is wrong", "#login-error")
    write(browser, "#password", PASSWORD)
    browser.press("Enter")
    browser.sees("Off", "#now-source")
    assert not browser.evaluate("document.querySelector('#login').open")
    assert browser.evaluate("document.cookie") == "", "no script reads it"
    browser.open(box.url)
    browser.sees("Off", "#now-source")
    unexpected = [error for error in browser.errors if not any(status in error for status in ("401", "403"))]
    browser.errors.clear()
    assert unexpected == []
    assert PASSWORD not in box.log


def test_the_first_paint_on_a_slow_machine(lan: Lan, start_box: StartBox, browser: Browser) -> None:
    """A quarter of this processor. Others may be busy on it, so the best of a few counts."""
    box = start_box(lan.host("display"), DISPLAY, name="display")
    browser.call("Emulation.setCPUThrottlingRate", rate=4)

    def painted() -> float:
        browser.open(box.url)
        paint = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
        return float(browser.wait(paint))

    eventually(lambda: painted() < FIRST_PAINT_MS, "a first paint within a second")
    assert sum(browser.received.values()) > 0
