"""IGMP and MLD queries of a real bridge are heard, interface by interface, and the right to hear them given up."""

import asyncio
import sys
from pathlib import Path

from appliance.edge.netlink import NetlinkNetwork
from appliance.edge.querier_ears import QuerierEars
from appliance.network.queriers import SILENCE_S
from tests.integration.conftest import StartBox
from tests.lan.box import CHECKOUT
from tests.lan.network import RED_AND_BLUE, Lan

PATIENCE_S = 15.0


def test_a_querier_is_heard_where_it_is(lan: Lan) -> None:
    """The clock is set by hand to where silence has lasted."""
    host, network, now = lan.host("listener", RED_AND_BLUE), NetlinkNetwork(), [1000.0]
    changed = asyncio.Event()
    ears = QuerierEars(network, lambda: now[0], changed.set)

    async def listen() -> None:
        network.watch()
        ears.start()
        now[0] += SILENCE_S
        assert ears.unasked("eth0", 4)
        assert ears.unasked("eth0", 6)
        # Its first MLD queries are lost for want of an address, which takes it a second or two to be sure of.
        often = "mcast_startup_query_interval 50 mcast_startup_query_count 30"
        lan.switch_ip(f"link set red type bridge {often} mcast_querier 1")
        async with asyncio.timeout(PATIENCE_S):
            while ears.unasked("eth0", 4) or ears.unasked("eth0", 6):
                await changed.wait()
                changed.clear()
        assert ears.unasked("eth1", 4), "nobody asks on the other switch"
        assert ears.unasked("eth1", 6)

    async def run() -> None:
        try:
            await listen()
        finally:
            ears.stop()
            network.close()

    host.call(network.open)
    host.call(ears.open)
    asyncio.run(run())


def test_what_was_opened_before_the_right_was_given_up_stays_open(lan: Lan) -> None:
    script = (
        "import socket\n"
        "from appliance.edge.capabilities import CAP_NET_RAW, give_up\n"
        "def raw(): return socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_IGMP)\n"
        "first = raw()\n"
        "give_up(CAP_NET_RAW)\n"
        "try: raw()\n"
        "except PermissionError: print('refused', first.getsockname()[0])\n"
    )
    done = lan.host("alone").run(["env", f"PYTHONPATH={CHECKOUT}", sys.executable, "-c", script])
    assert done.stdout == "refused 0.0.0.0\n"


def test_the_box_keeps_no_right_to_listen_to_everything(lan: Lan, start_box: StartBox) -> None:
    box = start_box(lan.host("box"), '[media]\ndriver = "null"\n')
    text = Path("/proc", str(box.pid), "status").read_text(encoding="ascii")
    status = dict(line.split(":", 1) for line in text.splitlines())
    assert not int(status["CapEff"], 16) & 1 << 13
    assert not int(status["CapPrm"], 16) & 1 << 13
