"""What a box imports before its first answer, in processes of their own: what one has imported stays imported."""

import subprocess
import sys
from pathlib import Path

_NOT_BEFORE_THE_FIRST_ANSWER = {
    *(
        "aiohttp.client",
        "aiohttp.connector",
        "zeroconf",
        "ifaddr",
        "pyroute2",
        "netifaces",
        "paho",
        "dns",
        "luma",
        "PIL",
    ),
    *("urwid", "evdev", "gpiod", "prometheus_client", "authlib", "joserfc", "cryptography"),
    *("appliance.edge.discovering", "appliance.edge.front", "appliance.edge.media", "appliance.edge.eventing"),
    *("appliance.edge.channels", "appliance.edge.query_local", "appliance.panel.menu", "appliance.discovery.peers"),
}


def _run(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(Path(__file__).parents[3])},
        check=True,
        timeout=60,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout


def test_the_first_answer_needs_no_more_than_it_needs() -> None:
    """The default box, as `nmos-appliance run` makes it, until it serves."""
    loaded = set(
        _run("""
import asyncio, sys, tempfile
from pathlib import Path
from appliance.system import lean

lean.without_client()
from appliance.app import Appliance
from appliance.config.default import default_config
import appliance.run

async def make(state):
    box = Appliance(default_config(), state)
    print(*sys.modules)
    box.network.close()
    box.directory.close()

with tempfile.TemporaryDirectory() as state:
    asyncio.run(make(Path(state)))
""").split()
    )
    assert {"aiohttp.web", "appliance.nmos.is04.api", "appliance.edge.netlink"} <= loaded
    assert loaded & _NOT_BEFORE_THE_FIRST_ANSWER == set()


def test_aiohttp_has_its_client_as_soon_as_somebody_wants_it() -> None:
    assert _run("""
from appliance.system import lean

lean.without_client()
import os
import aiohttp.web
assert not hasattr(aiohttp, "ClientSession")
steps = list(lean.loading_client())
assert len(steps) > 1 and "SSL_CERT_FILE" not in os.environ
import aiohttp
print(aiohttp.ClientSession.__name__, bool(aiohttp.__version__), list(lean.loading_client()))
""").split() == ["ClientSession", "True", "[]"]


def test_aiohttp_brings_no_library_of_cpp_and_no_types_of_files() -> None:
    assert _run("""
from appliance.system import lean

lean.without_client()
import mimetypes, os
from pathlib import Path
import aiohttp.web
lean.load_client()
import aiohttp, frozenlist
libraries = Path("/proc/self/maps").read_text()
print("libstdc++" in libraries, mimetypes.knownfiles, "FROZENLIST_NO_EXTENSIONS" in os.environ)
print(list(frozenlist.FrozenList([1, 2])))
""").splitlines() == ["False [] False", "[1, 2]"]


def test_aiohttp_that_is_there_already_is_left_alone() -> None:
    assert _run("""
import aiohttp
from appliance.system import lean

before = aiohttp.ClientSession
lean.without_client()
lean.load_client()
print(aiohttp.ClientSession is before)
""").split() == ["True"]
