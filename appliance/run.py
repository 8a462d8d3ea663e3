"""A box as a process: its configuration and command line, its loop, its signals."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from appliance.app import Appliance
from appliance.config.model import Config
from appliance.edge.capabilities import CAP_NET_RAW, give_up
from appliance.system import collector, logs, loopstats
from appliance.system.trouble import Trouble
from appliance.system.turns import Turns, measured_loop

EXIT_DIED = 1
"""A part of the box died; systemd starts it again."""


def run(load: Callable[[], Config], *, http_port: int | None, state_dir: Path, interfaces: Sequence[str]) -> int:
    """Run a box until SIGTERM or SIGINT; the exit code. ``load`` reads its configuration, now and for each reload;
    ``None`` and ``()`` leave it as it is."""

    def configured() -> Config:
        config = load()
        network = replace(
            config.network,
            http_port=config.network.http_port if http_port is None else http_port,
            interfaces=tuple(interfaces) or config.network.interfaces,
        )
        return replace(config, network=network)

    config = configured()
    logs.set_up()
    loopstats.start_if_asked(os.environ)
    turns = Turns()
    with asyncio.Runner(loop_factory=lambda: measured_loop(turns, collector.look)) as runner:
        return runner.run(_run(config, state_dir, turns, configured))


async def _run(config: Config, state_dir: Path, turns: Turns, load: Callable[[], Config]) -> int:
    loop, leave = asyncio.get_running_loop(), asyncio.Event()
    trouble = Trouble(leave.set)
    loop.set_exception_handler(trouble)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, leave.set)
    box = Appliance(config, state_dir, turns, load)
    try:
        await box.serve()
        give_up(CAP_NET_RAW)  # what needed it is open
        # Where somebody sits at a terminal, it means that the terminal is gone.
        loop.add_signal_handler(signal.SIGHUP, leave.set if os.isatty(0) else box.reloading.on_signal)
        await box.start()
        await leave.wait()
    finally:
        await box.stop()
    return EXIT_DIED if trouble.died else 0
