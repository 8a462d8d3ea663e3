"""A program for tests: the media of a box alone, with real network, memberships and GStreamer.

Line by line of JSON. In: first what there is, ``{"sender": {..SenderConfig}, "receiver": {..}, "media": {..}}``, then
``{"id": "sender", "active": {..}}`` for each activation; ``{"id": "receiver"}`` asks for figures. Out: each status that
changes, and the figures. Ends when its input does.
"""

import asyncio
import json
import os
import sys
from dataclasses import asdict
from typing import Any

from appliance.config.model import (
    CommandConfig,
    Config,
    Format,
    InputConfig,
    MediaConfig,
    OutputConfig,
    ReceiverConfig,
    SenderConfig,
)
from appliance.config.video import VideoConfig
from appliance.core.store import Store
from appliance.edge.drivers import Drivers
from appliance.edge.media import ASPECT, Media
from appliance.edge.multicast import Memberships
from appliance.edge.netlink import NetlinkNetwork
from appliance.edge.process import environment
from appliance.system.clock import SystemClock


async def main(first: dict[str, Any]) -> None:
    endpoints: dict[str, SenderConfig | ReceiverConfig] = {}
    if sender := first.get("sender"):
        endpoints["sender"] = SenderConfig("sender", "device", **_read(sender))
    if receiver := first.get("receiver"):
        endpoints["receiver"] = ReceiverConfig("receiver", "device", **_read(receiver))
    config = Config(media=MediaConfig(**first.get("media", {})))
    network = NetlinkNetwork()
    network.open()
    store = Store(SystemClock())
    media = Media(
        config,
        endpoints,
        store,
        network,
        Memberships(),
        Drivers(config, environment(os.environ), lambda: None).engines,
        environment(os.environ),
    )
    media.subscribe(lambda id, status: print(json.dumps({"id": id, **asdict(status)}), flush=True))
    media.start()
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    print("{}", flush=True)
    while line := await reader.readline():
        order = json.loads(line)
        if "active" not in order:
            print(json.dumps({"figures": asdict(media.figures(order["id"]))}), flush=True)
            continue
        with store.transaction("test") as tx:
            tx.attach(ASPECT, order["id"], {"active": order["active"]})
    transport.close()
    await media.stop()
    network.close()


def _read(told: dict[str, Any]) -> dict[str, Any]:
    tables = {"input": InputConfig, "output": OutputConfig, "command": CommandConfig, "video": VideoConfig}
    return {
        key: tables[key](**value) if key in tables else Format(value) if key == "format" else value
        for key, value in told.items()
    }


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.stdin.readline())))
