"""A program for tests: the media of a box alone, with real network, memberships and GStreamer.

Line by line of JSON. In: first what there is, ``{"sender": {..SenderConfig}, "receiver": {..}, "media": {..}}``, then
``{"id": "sender", "active": {..}}`` for each activation. Out: each status that changes. Ends when its input does.
"""

import asyncio
import json
import os
import shutil
import sys
from dataclasses import asdict
from typing import Any

from appliance.config.model import Config, InputConfig, MediaConfig, OutputConfig, ReceiverConfig, SenderConfig
from appliance.core.store import Store
from appliance.edge.media import ASPECT, Media
from appliance.edge.multicast import Memberships
from appliance.edge.netlink import NetlinkNetwork
from appliance.edge.process import FILE_LOOP, environment
from appliance.media.drivers import engines
from appliance.media.engine import Tools
from appliance.system.clock import SystemClock


async def main(first: dict[str, Any]) -> None:
    endpoints: dict[str, SenderConfig | ReceiverConfig] = {}
    if sender := first.get("sender"):
        endpoints["sender"] = SenderConfig(
            "sender", "device", **{**sender, "input": InputConfig(**sender.get("input", {}))}
        )
    if receiver := first.get("receiver"):
        endpoints["receiver"] = ReceiverConfig(
            "receiver", "device", **{**receiver, "output": OutputConfig(**receiver.get("output", {}))}
        )
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
        engines(config.media, Tools(shutil.which, FILE_LOOP)),
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
        with store.transaction("test") as tx:
            tx.attach(ASPECT, order["id"], {"active": order["active"]})
    transport.close()
    await media.stop()
    network.close()


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.stdin.readline())))
