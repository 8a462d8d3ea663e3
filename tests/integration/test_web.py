"""The panel's page as its user has it: a real browser on the network of two boxes, and what it may not do."""

import json
from typing import Any

from tests.integration.conftest import StartBox, StartPeer
from tests.integration.test_two_boxes import SOURCE
from tests.lan.box import CHECKOUT, Box
from tests.lan.browser import MONITOR, PHONE, Browser
from tests.lan.documents import peer_documents
from tests.lan.network import Lan
from tests.lan.waiting import eventually

SCREENSHOTS = CHECKOUT / "build" / "screenshots"
MAX_PAGE_BYTES = 150_000
MARKUP = "<img src=x onerror=\"document.title='broken'\"><b>Bold</b> & 'quoted'"
NODE = "<i onclick=x>\x1b[2J\u202eelosnoc</i>"
RTL_AND_EMOJI = "ميكروفون 🎤 Zoë"
DISPLAY = """
[node]
label = "Display"
[media]
driver = "null"
[[devices]]
name = "foyer"
label = "Foyer"
[[receivers]]
name = "speaker"
device = "foyer"
label = "Speaker"
[[receivers]]
name = "recorder"
device = "foyer"
label = "Recorder"
media_types = ["audio/L16"]
"""


def shows(box: Box, label: str = "Speaker") -> str | None:
    """What a receiver shows, as the box itself says."""
    receivers = {item["label"]: item for item in box.json("/panel/receivers")["receivers"]}
    return receivers[label]["shows"] if receivers[label]["enabled"] else None


STEADY = """new Promise((seen) => {
  let last, since;
  const look = () => {
    const place = (tile) => [tile.querySelector(".label")?.textContent, tile.offsetTop];
    const places = JSON.stringify([...document.querySelectorAll(".tile")].map(place));
    if (places !== last) [last, since] = [places, performance.now()];
    performance.now() - since > 500 ? seen(true) : requestAnimationFrame(look);
  };
  look();
})"""
"""Done when the list of sources has stood still for longer than the page wants, however slow it is drawn."""


def press(browser: Browser, label: str) -> None:
    """Touch a source, as long after the list last moved as a person needs to see it: sooner is taken for a slip."""
    browser.wait(f"[...document.querySelectorAll('.tile')].some((tile) => tile.textContent.includes('{label}'))")
    browser.evaluate(STEADY)
    browser.click(".tile", label)


def photograph(browser: Browser, name: str) -> None:
    for scheme in ("light", "dark"):
        browser.prefer(prefers_color_scheme=scheme, prefers_reduced_motion="reduce")
        for at, size in (("monitor", MONITOR), ("phone", PHONE)):
            browser.resize(size)
            browser.screenshot(SCREENSHOTS / f"web-{name}-{at}-{scheme}.png")
            assert browser.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name}: too wide"
    browser.resize(MONITOR)


def test_take_lose_and_recover_on_two_boxes(lan: Lan, start_box: StartBox, browser: Browser) -> None:
    source = start_box(lan.host("source"), SOURCE, name="source")
    box = start_box(lan.host("display"), DISPLAY, name="display")
    browser.open(box.url)
    browser.sees("Low", "#list")
    browser.sees("High", "#list")
    browser.sees("Display", "h1")
    browser.sees("peer-to-peer", "#mode")
    browser.sees("Off", "#now-source")

    # Nothing comes from elsewhere, and all of it is small.
    assert all(url.startswith(box.url) for url in browser.requests)
    files = {url: size for url, size in browser.received.items() if "/panel/" not in url}
    assert len(files) > 5
    assert sum(files.values()) < MAX_PAGE_BYTES

    # One press takes, the next goes back.
    press(browser, "Low")
    browser.sees("Low", "#now-source")
    browser.sees("eth0", "#now-why")
    browser.wait("document.querySelector('.tile.current .label').textContent === 'Low'")
    assert shows(box) == "Low"
    photograph(browser, "on")
    press(browser, "High")
    browser.sees("High", "#now-source")
    browser.click("#toast-act", "Back to Low")
    browser.sees("Low", "#now-source")
    assert shows(box) == "Low"

    # What another panel does is shown here.
    receiver = box.json("/panel/receivers")["receivers"][0]
    assert box.post("/panel/take", {"receiver_id": receiver["id"], "sender_id": None}).status == 200
    browser.sees("Off", "#now-source")

    # A finger that is down while the list moves under it takes nothing that it did not mean.
    first = "document.querySelector('.tile')"
    browser.evaluate(f"{first}.dispatchEvent(new PointerEvent('pointerdown', {{ bubbles: true }}))")
    high = next(item["id"] for item in box.json("/panel/sources")["sources"] if item["label"] == "High")
    assert source.post("/panel/label", {"id": high, "label": "Zulu"}).status == 200
    browser.wait(f"{first}.querySelector('.label').textContent === 'Low'")
    browser.evaluate(f"{first}.click()")
    browser.sees("The list moved", "#toast")
    assert shows(box) is None
    assert source.post("/panel/label", {"id": high, "label": ""}).status == 200
    browser.sees("High", "#list")
    press(browser, "Low")
    browser.sees("Low", "#now-source")

    # Where a wrong touch would be heard by a thousand, it takes two.
    browser.click("#ask")
    press(browser, "High")
    browser.sees("press again", ".tile.armed")
    assert shows(box) == "Low"
    press(browser, "High")
    browser.sees("High", "#now-source")
    browser.click("#ask")
    press(browser, "Low")
    browser.sees("Low", "#now-source")

    # Another receiver of another kind: what does not fit is said, not taken.
    browser.click(".receiver", "Recorder")
    browser.click("#all", "1 more does not fit")
    browser.sees("it is audio/L24, this receiver takes audio/L16", "#list")
    press(browser, "Low")
    browser.sees("Low does not fit Recorder: it is audio/L24", "#toast")
    assert shows(box, "Recorder") is None
    browser.click(".receiver", "Speaker")

    # A name is text, whatever is in it.
    browser.click("#rename")
    browser.wait("document.querySelector('#naming').open")
    browser.evaluate(f"document.querySelector('#naming-label').value = {json.dumps(MARKUP)}")
    browser.click("#naming-save")
    browser.sees(MARKUP, "#now-receiver")
    assert shows(box, MARKUP) == "Low"
    assert browser.evaluate("document.querySelectorAll('main img, main b').length") == 0
    assert browser.evaluate("document.title") == "Display"
    browser.click("#rename")
    browser.wait("document.querySelector('#naming').open")
    browser.click("#naming-reset")
    eventually(lambda: browser.text("#now-receiver") == "Speaker", "the name as configured")

    # The source goes, and comes back.
    assert source.stop() == 0
    browser.sees("Source lost", "#now-state")
    browser.sees("its source Low is lost", "#problems")
    photograph(browser, "lost")
    source.start()
    browser.wait("document.querySelector('#now').className === 'on'", 30)
    assert browser.errors == []

    # The box goes: the page says so, takes nothing, and comes back with it.
    assert box.stop() == 0
    browser.sees("The box does not answer", "#gone")
    press(browser, "Low")
    browser.sees("nothing was taken", "#toast")
    photograph(browser, "gone")
    box.start()
    browser.wait("document.body.dataset.link === 'live'")
    browser.sees("Low", "#now-source")
    assert not browser.evaluate("document.querySelector('#gone').checkVisibility()")


def test_keys_search_and_screen_readers(
    lan: Lan, start_box: StartBox, start_peer: StartPeer, browser: Browser, axe: str
) -> None:
    host = lan.host("console")
    peer = start_peer(host, "console", peer_documents("console", host.address(), senders=250))
    box = start_box(lan.host("display"), DISPLAY, name="display")
    browser.open(box.url)
    browser.sees("No other NMOS node has been found", "#empty")
    assert violations(browser, axe) == []
    peer.announce()
    browser.sees("250 sources", "#count")
    assert browser.evaluate("document.querySelectorAll('.tile').length") < 120, "only those in sight exist"
    peer.relabel("senders", 0, RTL_AND_EMOJI)
    peer.relabel("senders", 1, MARKUP)
    peer.relabel("self", 0, NODE)

    # Letters find, arrows choose, Enter takes.
    browser.type("zoe")
    browser.sees("1 found", "#count")
    browser.press("Enter")
    active = "document.getElementById(document.querySelector('#find').getAttribute('aria-activedescendant'))"
    browser.wait(f"{active}?.querySelector('.label').textContent === {json.dumps(RTL_AND_EMOJI)}")
    browser.press("Enter")
    browser.sees(RTL_AND_EMOJI, "#now-source")
    eventually(lambda: shows(box) == RTL_AND_EMOJI, "the take")
    browser.press("Escape")
    browser.sees("250 sources", "#count")
    browser.press("End")
    at = "document.querySelector('.tile.cursor')?.getAttribute('aria-posinset')"
    browser.wait(f"{at} === '250'")
    browser.press("Home")
    browser.wait(f"{at} === '1'")
    browser.press("ArrowDown")
    browser.wait(f"Number({at}) > 1")
    browser.press("/")
    assert browser.evaluate("document.activeElement.id") == "find"
    browser.type("bold")
    browser.sees(MARKUP, ".tile .label")
    browser.press("Escape")
    browser.press("ArrowDown", alt=True)
    browser.sees("Recorder", "#now-receiver")
    browser.sees("Nothing fits Recorder", "#empty")
    assert browser.evaluate("document.querySelectorAll('main img, main b').length") == 0

    # As axe sees it, in every state that has its own colours.
    for scheme in ("light", "dark"):
        browser.prefer(prefers_color_scheme=scheme, prefers_reduced_motion="reduce")
        for size in (PHONE, MONITOR):
            browser.resize(size)
            assert violations(browser, axe) == []
    browser.resize(PHONE)
    browser.click("#health")
    browser.sees("Other nodes", "#side")
    browser.sees("<i onclick=x>[2Jelosnoc</i>", "#side")
    assert browser.evaluate("document.querySelectorAll('[onclick]').length") == 0
    assert violations(browser, axe) == []
    photograph(browser, "many")
    assert browser.errors == []


def test_ten_thousand_sources_in_any_order(lan: Lan, start_box: StartBox, browser: Browser) -> None:
    """The page's own model and list, fed by hand: sorted by number and name, found by words, few elements."""
    box = start_box(lan.host("display"), DISPLAY, name="display")
    browser.open(box.url)
    result = browser.evaluate("""(async () => {
      const { Menu } = await import("/static/menu.js");
      const menu = new Menu();
      const named = (label) => ({ id: label, label });
      const source = (n) => ({ id: `s${n}`, label: `Mic ${n}`, node: named(`Node ${n % 50}`), device: named("Inputs"),
        group: "", format: "audio", detail: "", lost_since: null, confirmed: true, current_on: [], pending_on: [] });
      const status = { node: named("Box") };
      menu.apply("reset", { now: "1:0", receivers: [], total: 10000, status });
      for (let n = 9999; n >= 0; n--) {
        const fit = { verdict: n === 7 ? "no" : "yes", reason: "" };
        menu.apply("change", { now: "1:0", sources: [{ ...source(n), fit }] });
      }
      menu.apply("ready", { now: "1:0" });
      const lay = (find, all = false) => menu.lay({ find, all, columns: 4, receiverId: "r" });
      const first = lay("").ids.slice(0, 3);
      const laid = lay("");
      const found = lay("mic 99 node").ids.length;
      menu.apply("change", { now: "2:0", gone: ["s0"], sources: [{ ...source(50), label: "Zither" }] });
      const after = lay("").ids;
      menu.apply("reset", { now: "3:0", receivers: [], total: 1, status });
      menu.apply("change", { now: "3:0", sources: [source(3)] });
      menu.apply("ready", { now: "3:0" });
      return { first, hidden: laid.misfits, lines: laid.lines.length, found, all: lay("", true).ids,
               then: [after[0], after[198], after.length] };
    })()""")
    assert result["first"] == ["s0", "s50", "s100"]
    assert (result["hidden"], result["lines"]) == (1, 50 + 50 * 50)
    assert result["found"] == sum("99" in str(number) for number in range(10_000))
    assert result["then"] == ["s100", "s50", 9998]
    assert result["all"] == ["s3"], "what a new stream does not mention is gone once it is ready"


def violations(browser: Browser, axe: str) -> list[Any]:
    browser.frames()
    browser.call("Runtime.evaluate", expression=axe)
    found: list[Any] = browser.evaluate(
        "axe.run().then((all) => all.violations.map((one) => [one.id, one.help, one.nodes[0].html]))"
    )
    return found
