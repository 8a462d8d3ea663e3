"""What a stream is doing, as people see it: meters on the page, figures for monitoring and on the command line."""

import pytest

from tests.integration.conftest import StartBox
from tests.integration.test_two_boxes import SOURCE, listed, receiver, take
from tests.integration.test_web import press
from tests.lan.browser import Browser
from tests.lan.network import Lan
from tests.lan.waiting import eventually

pytestmark = pytest.mark.gstreamer

DISPLAY = """
[node]
label = "Display"
[[devices]]
name = "foyer"
label = "Foyer"
[[receivers]]
name = "speaker"
device = "foyer"
label = "Speaker"
output = { kind = "none" }
"""
METERS = "[...document.querySelectorAll('[role=meter]')].map((meter) => Number(meter.getAttribute('aria-valuenow')))"


def test_a_stream_is_seen_and_so_is_its_end(lan: Lan, start_box: StartBox, browser: Browser) -> None:
    source = start_box(lan.host("source"), SOURCE, name="source")
    box = start_box(lan.host("display"), DISPLAY, name="display")
    browser.open(box.url)
    press(browser, "High")
    browser.wait(f"JSON.stringify({METERS}) === '[-18,-18]'")
    assert browser.evaluate("document.querySelector('[role=meter]').getAttribute('aria-label')") == "Level of channel 1"
    browser.sees("On", "#now-state")
    stream = next(stream for stream in box.json("/panel/streams")["streams"] if stream["role"] == "receiver")
    assert (stream["phase"], stream["signal"], stream["lost"], stream["refused"]) == ("running", True, 0, 0)
    [leg] = stream["legs"]
    assert (leg["interface"], leg["lost"], leg["signal"]) == ("eth0", 0, True)
    assert leg["packets"] > 0
    metrics = box.get("/metrics").text
    assert 'nmos_appliance_stream_signal{name="speaker",role="receiver"} 1.0' in metrics
    assert 'nmos_appliance_stream_lost_packets_total{leg="1",name="speaker",role="receiver"} 0.0' in metrics
    assert 'nmos_appliance_stream_peak_dbfs{channel="2",name="speaker",role="receiver"} -18' in metrics
    sending = {stream["label"]: stream for stream in source.json("/panel/streams")["streams"]}
    assert (sending["High"]["signal"], sending["High"]["legs"][0]["packets"] > 0) == (True, True)

    # The sender is switched off, its node is still there.
    high = listed(box, "High")["id"]
    body = {"master_enable": False, "activation": {"mode": "activate_immediate"}}
    source.patch(f"/x-nmos/connection/v1.1/single/senders/{high}/staged", body)
    browser.sees("No signal", "#now-state")
    browser.wait(f"{METERS}.every((level) => level === -60)")
    assert receiver(box)["stream"]["signal"] is False
    assert "Speaker: no signal from High" in box.json("/panel/status")["status"]["problems"]

    take(box, None)
    browser.wait("document.querySelector('#now-levels').hidden")
    eventually(lambda: receiver(box)["stream"]["signal"] is None, "nothing to say of a receiver that is off")
