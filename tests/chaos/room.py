"""`Room`: a box among others, and its twin: the same box in a LAN of its own, where nothing ever goes wrong.

Both have the same identity, addresses and neighbour, and whatever is done to the one on purpose is done to the other.
So the twin says at any time what the box should be like.
"""

import os
import resource
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from http.client import HTTPException
from pathlib import Path
from typing import Any

from zeroconf import DNSService  # type: ignore[attr-defined]  # public since ever, yet not in __all__

from tests.lan.box import Box
from tests.lan.capture import Capture
from tests.lan.documents import peer_documents, resource_id
from tests.lan.network import Host, Lan
from tests.lan.observer import Observer
from tests.lan.peer import NODE_TYPE, Peer
from tests.lan.registry import Registry
from tests.lan.waiting import eventually
from tests.lan.wire import Wire

CONFIG = """
[node]
label = "Box"
[media]
driver = "null"
[[devices]]
name = "stage"
[[senders]]
name = "left"
label = "Left"
device = "stage"
[[senders]]
name = "right"
label = "Right"
device = "stage"
[[senders]]
name = "button"
label = "Button"
device = "stage"
format = "data"
transport = "websocket"
media_type = "application/json"
event_type = "boolean"
[[receivers]]
name = "one"
label = "One"
device = "stage"
output = { kind = "none" }
[[receivers]]
name = "two"
label = "Two"
device = "stage"
output = { kind = "none" }
"""
SEED = "5d8f2f0e-5f5e-4f2c-9f43-1f0f6a3c7d10\n"
DISK_KIB = 1024
DYING = "ends to be started again"
PATIENCE_S = float(os.environ.get("NMOS_CHAOS_PATIENCE", "60"))


class Volume:
    """A small disk of the box's own: a tmpfs that only it and its holder see. It outlives the box."""

    def __init__(self, host: Host, mount_point: Path) -> None:
        mount_point.mkdir(parents=True)
        self.mount_point = mount_point
        self._holder = host.popen(["sleep", "infinity"], interactive=True)
        eventually(self._apart, "the holder of the disk to be in a namespace of its own")
        self._mount("-t", "tmpfs", "-o", f"size={DISK_KIB}k", "none")
        (self.seen / "identity").write_text(SEED, encoding="ascii")

    @property
    def command(self) -> list[str]:
        """What a command begins with to see the disk."""
        return ["nsenter", f"--mount=/proc/{self._holder.pid}/ns/mnt", "--"]

    @property
    def seen(self) -> Path:
        """The disk as this process reaches it."""
        return Path(f"/proc/{self._holder.pid}/root{self.mount_point}")

    def fill(self) -> None:
        """Not a byte is left."""
        with suppress(OSError), (self.seen / "ballast").open("wb", buffering=0) as ballast:
            while True:
                ballast.write(bytes(4096))

    def clear(self) -> None:
        ballast = self.seen / "ballast"
        if ballast.exists():  # it could not be filled while it was read only
            ballast.unlink()

    def writable(self, yes: bool) -> None:
        """The box holds a lock on it, so it cannot be remounted: another view of it is put before it and taken away."""
        if yes:
            subprocess.run([*self.command, "umount", str(self.mount_point)], check=True)
        else:
            self._mount("--bind", str(self.mount_point))
            self._mount("-o", "remount,bind,ro")

    def _mount(self, *options: str) -> None:
        subprocess.run([*self.command, "mount", *options, str(self.mount_point)], check=True)

    def _apart(self) -> bool:
        mine, other = (Path(f"/proc/{who}/ns/mnt").readlink() for who in ("self", self._holder.pid))
        return mine != other and Path(f"/proc/{self._holder.pid}/comm").read_text(encoding="ascii") == "sleep\n"


class Sufferer(Box):
    """A box whose state is on a disk of its own."""

    def __init__(self, host: Host, folder: Path, config: str, volume: Volume, name: str) -> None:
        super().__init__(host, folder, config, name=name)
        self.state_dir = volume.mount_point
        self.volume = volume

    def command(self) -> list[str]:
        return [*self.volume.command, *super().command()]


class Place:
    """A LAN with a box and its good neighbour, whose numbers, so addresses, are the same in every place."""

    def __init__(self, lan: Lan, folder: Path, name: str) -> None:
        self.lan = lan
        host, desk = lan.host("box"), lan.host("desk")
        self.wire = Wire(host)
        lan.enter(self.wire)
        self.desk = Peer(desk, "desk", peer_documents("desk", desk.address(), senders=2))
        lan.enter(self.desk)
        self.desk.announce()
        self.box = Sufferer(host, folder / name, CONFIG, Volume(host, folder / f"{name}-disk"), name)
        lan.enter(self.box)


class Room:
    """The place where things go wrong, and the one where they do not."""

    def __init__(self, here: Lan, elsewhere: Lan, folder: Path) -> None:
        self.here, self.elsewhere = Place(here, folder, "box"), Place(elsewhere, folder, "twin")
        self.lan, self.box, self.wire, self.desk = here, self.here.box, self.here.wire, self.here.desk
        self.volume = self.box.volume
        self.twin = self.elsewhere.box
        self.stranger, self.eye = here.host("stranger"), here.host("eye")
        self.registry = Registry(here.host("reg"), "reg", forget_s=12.0)
        here.at_close(self.registry.kill)
        self.registered = False
        """Whether there is a registry, as far as the box can know."""
        self.names_lost: set[str] = set()
        self._number = self._log_seen = 0
        self._said = Capture(self.box.host, direction="out")
        here.enter(self._said)
        self.watcher = Observer(self.eye)
        """Somebody who listens all the time."""
        here.enter(self.watcher)
        for place in (self.here, self.elsewhere):
            eventually(partial(_has_menu, place.box), "the neighbour in the menu", PATIENCE_S)

    # What is done on purpose, to both

    def label(self, patience_s: float = PATIENCE_S) -> str:
        """Give a sender another label at the box; asked until it is done, for it may be too busy to answer."""
        self._number += 1
        label = f"Left {self._number}"
        for box in (self.box, self.twin):
            sender = _id_of(box, "senders", "Left")
            self.insist(box, "/panel/label", {"id": sender, "label": label}, patience_s)
        return label

    def stage(self) -> None:
        """Have the second receiver listen to a group, another one each time."""
        self._number += 1
        leg = {"multicast_ip": f"239.77.0.{1 + self._number % 250}", "destination_port": 5004, "interface_ip": "auto"}
        self.patch("two", {"master_enable": True, "transport_params": [{**leg, "source_ip": None}]})

    def off(self) -> None:
        self.patch("two", {"master_enable": False})

    def patch(self, receiver: str, staged: dict[str, Any]) -> None:
        """An immediate activation, made until it is done."""
        for box in (self.box, self.twin):
            id = _id_of(box, "receivers", receiver.capitalize())
            path = f"/x-nmos/connection/v1.1/single/receivers/{id}/staged"
            self.insist(box, path, {**staged, "activation": {"mode": "activate_immediate"}}, method="PATCH")

    def take(self, number: int | None) -> None:
        """Have the first receiver show the neighbour's sender of this number, or nothing."""
        for box in (self.box, self.twin):
            sender = None if number is None else resource_id("desk", f"sender {number}")
            body = {"receiver_id": _id_of(box, "receivers", "One"), "sender_id": sender}
            self.insist(box, "/panel/take", body)

    def relabel(self) -> str:
        """The neighbour's first sender is called something else."""
        self._number += 1
        for place in (self.here, self.elsewhere):
            place.desk.relabel("senders", 0, f"Desk {self._number}")
        return f"Desk {self._number}"

    def insist(
        self, box: Box, path: str, body: dict[str, Any], patience_s: float = PATIENCE_S, method: str = "POST"
    ) -> None:
        """Ask until it is done. What cannot be done now is refused, with a status that says so, or not answered."""

        def done() -> bool:
            try:
                answer = (box.patch if method == "PATCH" else box.post)(path, body)
            except (OSError, HTTPException) as error:
                raise AssertionError(f"{method} {path}: {error!r}") from None
            assert answer.status == 200, f"{method} {path}: {answer.status} {answer.text}"
            return True

        eventually(done, f"{box.name} to do {body}", patience_s)

    # The registry

    def open_registry(self) -> None:
        self.registry.start()
        self.registry.announce()
        self.registered = True

    def close_registry(self) -> None:
        """It says goodbye and is gone, with all that it knew."""
        self.registry.withdraw()
        self.registry.kill()
        self.registered = False

    # What there is to know of the box

    def cut_power(self) -> None:
        """Off and on again, without a goodbye: another name that it had lives on with others for two minutes."""
        before = self.service_said().name.partition(f".{NODE_TYPE}")[0]
        self.box.kill()
        self.box.start()
        if before != "Box":
            self.names_lost.add(before)

    def next_number(self) -> int:
        """One that nothing here was called by."""
        self._number += 1
        return self._number

    def open_files(self) -> list[Path]:
        return list(Path(f"/proc/{self.box.pid}/fd").iterdir())

    def address_space(self) -> int:
        """In bytes."""
        pages = Path(f"/proc/{self.box.pid}/statm").read_text(encoding="ascii").split()[0]
        return int(pages) * resource.getpagesize()

    def revive(self) -> bool:
        """Start the box again, as systemd would, if it ended or is about to; whether it did."""
        if self.box.alive and DYING not in self.box.log[self._log_seen :]:
            return False
        assert self.box.exit_code() != 0, "who dies says so"
        self._log_seen = len(self.box.log)
        self.box.start()
        return True

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.box.pid, number)

    def events_url(self) -> str:
        """Where its button is heard."""
        sender = _id_of(self.box, "senders", "Button")
        (leg,) = self.box.json(f"/x-nmos/connection/v1.1/single/senders/{sender}/active")["transport_params"]
        return str(leg["connection_uri"])

    def service_said(self) -> DNSService:
        """The SRV record that the box said last: it tells by which name it goes."""
        said = [record for packet in list(self._said.mdns) if packet.is_response for record in packet.records()]
        return [record for record in said if isinstance(record, DNSService) and record.ttl][-1]


def _has_menu(box: Box) -> bool:
    return len(box.json("/panel/sources")["sources"]) == 5


def _id_of(box: Box, kind: str, label: str) -> str:
    """By the beginning of its label; ids never change, so they are asked for once."""
    key = (id(box), kind, label)
    if key not in _ids:
        resources: Sequence[dict[str, Any]] = box.json(f"/x-nmos/node/v1.3/{kind}")
        _ids[key] = next(str(resource["id"]) for resource in resources if resource["label"].startswith(label))
    return _ids[key]


_ids: dict[tuple[int, str, str], str] = {}


def pause(seconds: float) -> None:
    """Let a fault work for so long; nothing is asserted of what happens meanwhile."""
    time.sleep(seconds)
