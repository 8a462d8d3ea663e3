"""The image as it is switched on for the first time, looked at from the desk beside it."""

import itertools
import json
import random
import time
from typing import Any

from tests.image.conftest import CHECKOUT, Room
from tests.lan import http
from tests.lan.waiting import eventually
from tests.packaging.readme import as_shown, status_shown

OK = 200
CUTS = 3
RECEIVERS = "/x-nmos/connection/v1.1/single/receivers"
STALE_S = 0.5
"""How old a state may be that comes back (docs/architecture.md, Durability)."""


def get(room: Room, path: str) -> Any:
    answer = http.request(room.desk, "GET", f"http://{room.address}{path}", timeout_s=60)
    assert answer.status == OK, answer.text
    return answer.json()


def test_its_api_answers_where_its_announcement_says(room: Room) -> None:
    assert room.box.port == 80
    node = get(room, "/x-nmos/node/v1.3/self")
    assert node["href"] == f"http://{room.address}:80/"
    assert get(room, "/healthz")["status"] == "ok"


def test_all_of_it_is_up(room: Room) -> None:
    def settled() -> bool:
        return room.machine.run(room.desk, room.address, "systemctl is-system-running || true").strip() == "running"

    eventually(settled, "the end of the start", 120)
    assert room.machine.run(room.desk, room.address, "systemctl --failed --no-legend") == ""


def test_systemctl_status_is_what_the_readme_shows(room: Room) -> None:
    said = room.machine.run(room.desk, room.address, "systemctl status --no-pager --full nmos-appliance")
    assert as_shown(said) == status_shown(CHECKOUT / "README.md")


def test_devices_of_a_panel_are_for_their_groups(room: Room) -> None:
    """udev took the rules without a word against them; there is no such device in this machine."""
    verify = "udevadm verify --no-summary /usr/lib/udev/rules.d/60-nmos-appliance.rules"
    assert room.machine.run(room.desk, room.address, verify) == ""


def test_its_root_is_written_only_where_it_should(room: Room) -> None:
    def can(write: str) -> bool:
        return "yes" in room.machine.run(room.desk, room.address, f"touch {write} && echo yes || true")

    read_only = not can("/usr/written")
    options = room.machine.run(room.desk, room.address, "grep ' / ' /proc/mounts").split()[3].split(",")
    assert ("ro" in options) is read_only
    assert can("/etc/nmos-appliance/written")
    assert can("/var/lib/nmos-appliance/written")


def test_it_may_lose_power_at_any_moment(room: Room) -> None:
    """What comes back is one of the states that it answered, no older than allowed, and it is the same node."""
    chance = random.Random(5)
    node = get(room, "/x-nmos/node/v1.3/self")["id"]
    (receiver,) = get(room, RECEIVERS)
    numbers = itertools.count(1)
    for cut in range(CUTS):
        answered: list[tuple[int, float]] = []
        for number in itertools.islice(numbers, chance.randrange(15, 60)):
            activate(room, receiver, number)
            answered.append((number, time.monotonic()))
        room.machine.power_off()
        off = time.monotonic()
        room.machine.power_on()
        room.wait()
        assert get(room, "/x-nmos/node/v1.3/self")["id"] == node
        found = activated(room, receiver)
        lost = [off - at for each, at in answered if each > found]
        print(f"cut {cut + 1}: {len(answered)} commits, {len(lost)} lost, the oldest {max(lost, default=0):.3f} s old")
        assert found <= answered[-1][0]
        assert max(lost, default=0) < STALE_S
        bad = room.machine.run(room.desk, room.address, "ls /var/lib/nmos-appliance")
        assert ".bad-" not in bad


def activate(room: Room, receiver: str, number: int) -> None:
    """One commit with the number in two places."""
    leg = {"multicast_ip": f"239.1.{number >> 8}.{number & 255}", "destination_port": 10_000 + number}
    body = {"transport_params": [leg], "activation": {"mode": "activate_immediate"}}
    url = f"http://{room.address}{RECEIVERS}/{receiver}staged"
    answer = http.request(room.desk, "PATCH", url, json.dumps(body).encode(), timeout_s=60)
    assert answer.status == OK, answer.text


def activated(room: Room, receiver: str) -> int:
    """The number that came back, the same in both places."""
    (leg,) = get(room, f"{RECEIVERS}/{receiver}active")["transport_params"]
    number = int(leg["destination_port"]) - 10_000
    assert leg["multicast_ip"] == f"239.1.{number >> 8}.{number & 255}", "a mix of two states"
    return number
