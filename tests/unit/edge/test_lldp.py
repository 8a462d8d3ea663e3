"""The edge to lldpd, with an lldpcli in its place that tells what a file has."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from appliance.edge.lldp import Neighbours
from appliance.edge.process import environment
from appliance.network.lldp import Lldp, Neighbour
from tests.support.leaks import run

# Watches for as long as the file "up" is there, and says something when "moved" comes.
LLDPCLI = """\
#!/bin/sh
cd {folder}
[ "$3" = show ] && exec cat $4
[ -e up ] || {{ echo "2026-01-01T00:00:00 [WARN/control] unable to connect" >&2; exit 1; }}
while [ -e up ]; do [ -e moved ] && rm moved && echo '{{ "lldp-updated": ['; sleep 0.05; done
exit 1
"""


class Daemon:
    """What would be lldpd."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        program = folder / "lldpcli"
        program.write_text(LLDPCLI.format(folder=folder), encoding="utf-8")
        program.chmod(0o755)
        self.environment = environment(os.environ) | {"PATH": f"{folder}:{os.environ['PATH']}"}
        self.knows()
        (folder / "up").touch()

    def knows(self, **ports: str) -> None:
        entries = [
            {"name": name, "via": "LLDP", "chassis": [{"id": [{"type": "local", "value": "switch"}]}],
             "port": [{"id": [{"type": "local", "value": port}]}]}
            for name, port in ports.items()
        ]  # fmt: skip
        (self.folder / "neighbors").write_text(json.dumps({"lldp": [{"interface": entries}]}), encoding="utf-8")
        own = {"local-chassis": [{"chassis": [{"id": [{"type": "local", "value": "box"}]}]}]}
        (self.folder / "chassis").write_text(json.dumps(own, indent=1), encoding="utf-8")
        (self.folder / "moved").touch()


class Following:
    """The edge, started, and its tellings."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.edge = Neighbours(environment)
        self._told = asyncio.Event()
        self.edge.start(self._told.set)

    async def told(self) -> Lldp:
        async with asyncio.timeout(30):
            await self._told.wait()
        self._told.clear()
        return self.edge.seen


@asynccontextmanager
async def following(environment: dict[str, str]) -> AsyncIterator[Following]:
    made = Following(environment)
    try:
        yield made
    finally:
        await made.edge.stop()


def test_neighbours_come_and_change_and_go_with_lldpd(tmp_path: Path) -> None:
    async def main() -> None:
        daemon = Daemon(tmp_path)
        daemon.knows(eth0="7")
        async with following(daemon.environment) as there:
            assert await there.told() == Lldp({"eth0": Neighbour("switch", "7")}, "box")
            daemon.knows(eth0="8", eth1="9")
            assert (await there.told()).neighbours.keys() == {"eth0", "eth1"}
            (tmp_path / "up").unlink()
            assert await there.told() == Lldp()

    run(main())


def test_lldpd_that_comes_later_is_found(tmp_path: Path) -> None:
    async def main() -> None:
        daemon = Daemon(tmp_path)
        daemon.knows(eth0="7")
        (tmp_path / "up").unlink()
        async with following(daemon.environment) as there:
            await asyncio.sleep(0)
            (tmp_path / "up").touch()
            assert (await there.told()).neighbours == {"eth0": Neighbour("switch", "7")}

    run(main())


def test_without_lldpcli_there_are_no_neighbours(tmp_path: Path) -> None:
    async def main() -> None:
        async with following({"PATH": str(tmp_path)}) as there:
            assert there.edge.seen == Lldp()

    run(main())


def test_an_lldpcli_that_cannot_be_started_is_no_neighbour(tmp_path: Path) -> None:
    async def main() -> None:
        (tmp_path / "lldpcli").write_bytes(b"\x7fELF nonsense")
        (tmp_path / "lldpcli").chmod(0o755)
        async with following({"PATH": str(tmp_path)}) as there:
            assert there.edge.seen == Lldp()

    run(main())
