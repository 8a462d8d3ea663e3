"""Bad configurations and damaged state: refused with every error at once, or set aside with a message; the box starts.

Where identity and journal both say who the box is, either of them is enough.
"""

import json
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cbor2
import pytest

from appliance.core import journal
from tests.lan.box import CHECKOUT, Box
from tests.lan.network import Host, Lan
from tests.support.authority import EC, RSA, Authority

CONFIG = """
[node]
label = "Keeper"
[discovery]
mode = "off"
[media]
driver = "null"
[[devices]]
name = "one"
[[senders]]
name = "out"
device = "one"
[[receivers]]
name = "in"
device = "one"
output = { kind = "none" }
"""
JOURNAL, IDENTITY, PEERS = "state.journal", "identity", "peers.cbor"
RECEIVERS = "/x-nmos/node/v1.3/receivers"


@pytest.fixture(scope="module")
def lan(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lan]:
    with Lan(tmp_path_factory.mktemp("lan")) as lan:
        yield lan


@pytest.fixture(scope="module")
def host(lan: Lan) -> Host:
    return lan.host("box")


@pytest.fixture(scope="module")
def good(host: Host, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A state directory that a box left, with a renamed and staged receiver; and what the box showed."""
    with Box(host, tmp_path_factory.mktemp("good"), CONFIG, name="good") as box:
        [receiver] = box.json(RECEIVERS)
        assert box.post("/panel/label", {"id": receiver["id"], "label": "Renamed"}).status == 200
        staged = f"/x-nmos/connection/v1.1/single/receivers/{receiver['id']}/staged"
        assert box.patch(staged, {"transport_params": [{"destination_port": 6000}]}).status == 200
        shown = look(box)
        assert box.stop() == 0
    return box.state_dir, shown


def look(box: Box) -> dict[str, Any]:
    """What is told apart here: who the box is, what it was called, what was staged."""
    [receiver] = box.json(RECEIVERS)
    staged = box.json(f"/x-nmos/connection/v1.1/single/receivers/{receiver['id']}/staged")
    return {
        "node": box.json("/x-nmos/node/v1.3/self")["id"],
        "receiver": receiver["id"],
        "label": receiver["label"],
        "port": staged["transport_params"][0]["destination_port"],
        "versions": sorted(body["version"] for body in box.json("/x-nmos/node/v1.3/senders")),
    }


StartDamaged = Callable[[Callable[[Path], object]], Box]


@pytest.fixture
def start_damaged(host: Host, good: tuple[Path, dict[str, Any]], tmp_path: Path) -> Iterator[StartDamaged]:
    """`start_damaged(damage)`: a box on a copy of the good state to which `damage` was done."""
    config = CONFIG.replace('"off"', '"peer-to-peer"')  # only who looks for peers reads what was kept of them
    box = Box(host, tmp_path / "box", config, name=f"box-{tmp_path.name}")

    def start(damage: Callable[[Path], object]) -> Box:
        shutil.copytree(good[0], box.state_dir)
        damage(box.state_dir)
        return box.start()

    yield start
    box.kill()


def _cut(bytes_off: int) -> Callable[[Path], object]:
    return lambda state: (state / JOURNAL).write_bytes((state / JOURNAL).read_bytes()[:-bytes_off])


def _flip(at: float) -> Callable[[Path], object]:
    def damage(state: Path) -> None:
        data = bytearray((state / JOURNAL).read_bytes())
        data[int(at * (len(data) - 1))] ^= 0x55
        (state / JOURNAL).write_bytes(data)

    return damage


def _write(name: str, data: bytes) -> Callable[[Path], object]:
    return lambda state: (state / name).write_bytes(data)


def _entries(*entries: object) -> Callable[[Path], object]:
    """A journal whose frames are whole, and whose content was never this product's."""

    def damage(state: Path) -> None:
        seed = uuid.UUID((state / IDENTITY).read_text(encoding="ascii").strip())
        (state / JOURNAL).write_bytes(journal.header(seed) + journal.frame(cbor2.dumps(list(entries))))

    return damage


def _folder_in_place_of(name: str) -> Callable[[Path], object]:
    def damage(state: Path) -> None:
        (state / name).unlink(missing_ok=True)
        (state / name).mkdir()

    return damage


SAME_IDS = [
    ("an empty journal", _write(JOURNAL, b""), JOURNAL),
    ("a journal of noise", _write(JOURNAL, bytes(range(256)) * 20), JOURNAL),
    ("a journal of zeros", _write(JOURNAL, bytes(5000)), JOURNAL),
    ("a journal damaged in its head", _flip(0.0), JOURNAL),
    ("a journal of another program", _write(JOURNAL, journal.frame(cbor2.dumps({"product": "x"}))), JOURNAL),
    ("a journal of numbers", _entries(1, 2, 3), JOURNAL),
    ("a journal of unknown tables", _entries(["surprise", "x", {"a": 1}]), ""),
    ("a journal with an unknown kind", _entries(["resource/spaceship", "x", {"id": "x"}]), ""),
    ("a journal with a sender of nobody", _entries(["resource/sender", "x", {"id": "x", "version": "1:1"}]), ""),
    ("a journal with half a node", _entries(["resource/node", "x", {"id": "x"}]), JOURNAL),
    ("a journal with a version that is none", _entries(["resource/node", "x", {"id": "x", "version": "y"}]), JOURNAL),
    ("an identity of noise", _write(IDENTITY, b"\xff\x00\xfe"), IDENTITY),
    ("an empty identity", _write(IDENTITY, b""), IDENTITY),
    ("no identity", lambda state: (state / IDENTITY).unlink(), ""),
    ("no journal", lambda state: (state / JOURNAL).unlink(), ""),
    ("a folder for a journal", _folder_in_place_of(JOURNAL), ""),
    ("peers of noise", _write(PEERS, b"\xff" * 1000), PEERS),
    ("peers that are empty", _write(PEERS, b""), PEERS),
    ("peers of another shape", _write(PEERS, cbor2.dumps({"a": [1]})), PEERS),
]


@pytest.mark.parametrize(("damage", "set_aside"), [case[1:] for case in SAME_IDS], ids=[case[0] for case in SAME_IDS])
def test_a_box_starts_as_the_same_from_damaged_state_and_says_what_it_set_aside(
    start_damaged: StartDamaged,
    good: tuple[Path, dict[str, Any]],
    damage: Callable[[Path], object],
    set_aside: str,
) -> None:
    before = good[1]
    box = start_damaged(damage)
    after = look(box)
    assert (after["node"], after["receiver"]) == (before["node"], before["receiver"])
    aside = [path.name for path in box.state_dir.iterdir() if ".bad-" in path.name]
    if set_aside:
        assert [name.partition(".bad-")[0] for name in aside] == [set_aside]
        [line] = [line for line in box.log.splitlines() if "set aside" in line]
        assert set_aside in line
        assert aside[0] in line
    if set_aside in (IDENTITY, PEERS):
        assert after["label"] == before["label"], "the rest of the state is not lost with it"
    assert "Traceback" not in box.log
    # What it writes now is good again.
    [receiver] = box.json(RECEIVERS)
    assert box.post("/panel/label", {"id": receiver["id"], "label": "Anew"}).status == 200
    assert box.stop() == 0
    box.start()
    assert box.json(RECEIVERS)[0]["label"] == "Anew"
    assert box.stop() == 0


@pytest.mark.parametrize("damage", [_cut(1), _cut(100), _flip(1.0)], ids=["a byte", "a hundred bytes", "the last byte"])
def test_what_a_power_cut_left_is_read_up_to_there(
    start_damaged: StartDamaged, good: tuple[Path, dict[str, Any]], damage: Callable[[Path], object]
) -> None:
    """The file is as the first start wrote it, then two commits: the cut one goes, and no more than that."""
    before = good[1]
    box = start_damaged(damage)
    after = look(box)
    assert after["node"] == before["node"]
    assert after["versions"] >= before["versions"], "versions do not go back"
    assert "cut off by a power failure" in box.log
    assert not [path for path in box.state_dir.iterdir() if ".bad-" in path.name]
    assert box.stop() == 0


def test_with_neither_identity_nor_journal_the_box_is_another(
    start_damaged: StartDamaged, good: tuple[Path, dict[str, Any]]
) -> None:
    def damage(state: Path) -> None:
        (state / IDENTITY).write_bytes(b"?")
        (state / JOURNAL).write_bytes(b"?" * 100)

    before = good[1]
    box = start_damaged(damage)
    assert look(box)["node"] != before["node"]
    assert box.log.count("set aside as") == 2
    assert box.stop() == 0


# ---- what a box needs to itself


def refused(box: Box, exit_code: int = 1) -> str:
    """The one line that a box says that does not start."""
    box.launch()
    assert box.exit_code() == exit_code
    lines = [line for line in box.log.splitlines() if line.startswith("nmos-appliance: ")]
    assert len(lines) == 1, box.log
    assert "Traceback" not in box.log
    return lines[0]


def test_a_port_or_a_state_directory_in_use_is_said_in_one_line(host: Host, tmp_path: Path) -> None:
    with Box(host, tmp_path / "first", CONFIG, name="first") as first:
        second = Box(host, tmp_path / "second", CONFIG, name="second")
        line = refused(second)
        assert "port 8080" in line
        assert "--http-port" in line
        third = Box(host, tmp_path / "third", CONFIG, name="third", port=8081)
        third.state_dir = first.state_dir
        line = refused(third)
        assert str(first.state_dir) in line
        assert "in use" in line
        assert first.json("/x-nmos/node/v1.3/self")["label"] == "Keeper"
        assert first.stop() == 0


@pytest.mark.parametrize("state_dir", ["file/below", "/proc/nmos-appliance"])
def test_a_box_that_can_keep_nothing_runs_and_says_so(host: Host, tmp_path: Path, state_dir: str) -> None:
    (tmp_path / "file").write_text("a file, not a folder", encoding="ascii")
    box = Box(host, tmp_path / "box", CONFIG, name="unwritable")
    box.state_dir = tmp_path / state_dir
    with box:
        assert str(box.state_dir) in box.log
        assert "nothing will be kept" in box.log
        [receiver] = box.json(RECEIVERS)
        assert box.post("/panel/label", {"id": receiver["id"], "label": "For now"}).status == 200
        assert box.json(RECEIVERS)[0]["label"] == "For now"
        assert "Traceback" not in box.log
        assert box.stop() == 0


# ---- configurations


def command(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "appliance", *map(str, arguments)],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


BAD = """
surprise = 1
[node]
label = 5
[network]
http_port = 99999
multicast_pool = "10.0.0.0/8"
[discovery]
mode = "sometimes"
[[devices]]
label = "no name"
[[senders]]
name = "out"
device = "nowhere"
input = { kind = "gramophone" }
[[receivers]]
name = "in"
device = "nowhere"
max_channels = "many"
"""
BAD_KEYS = (
    "surprise",
    "node.label",
    "network.http_port",
    "network.multicast_pool",
    "discovery.mode",
    "devices[0].name",
    "senders[0].input.kind",
    "receivers[0].max_channels",
)


@pytest.mark.parametrize("how", ["check", "run"])
def test_every_error_of_a_configuration_is_said_at_once(tmp_path: Path, how: str) -> None:
    file = tmp_path / "bad.toml"
    file.write_text(BAD, encoding="utf-8")
    done = command("check", file) if how == "check" else command("run", "--config", file, "--state-dir", tmp_path / "s")
    assert done.returncode == 2
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    lines = done.stderr.splitlines()
    assert all(line.startswith(f"{file}: ") for line in lines), done.stderr
    for key in BAD_KEYS:
        assert sum(line.startswith(f"{file}: {key}: ") for line in lines) == 1, f"{key} in\n{done.stderr}"
    assert not (tmp_path / "s").exists(), "nothing is begun with a bad configuration"


@pytest.mark.parametrize(
    "content",
    [b"[node", b"label = ", b"\xff\xfe", b"a = 1\na = 2", b"\x00", b"[node]\nlabel = '\xff'", b"x = " + b"[" * 20_000],
    ids=lambda content: repr(content[:20]),
)
def test_a_file_that_is_no_toml_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "bad.toml"
    file.write_bytes(content)
    for done in (command("check", file), command("run", "--config", file, "--state-dir", tmp_path / "s")):
        assert done.returncode == 2
        assert "Traceback" not in done.stderr
        assert done.stderr.startswith(f"{file}: ")
        assert len(done.stderr.splitlines()) == 1


def test_a_file_that_is_not_there_or_no_file_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "nowhere.toml", tmp_path):
        for done in (command("check", path), command("run", "--config", path)):
            assert done.returncode == 2
            assert done.stderr.startswith(f"{path}: ")
            assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("name", sorted(file.name for file in (CHECKOUT / "docs" / "examples").glob("*.toml")))
def test_the_examples_are_good(name: str, tmp_path: Path) -> None:
    text = (CHECKOUT / "docs" / "examples" / name).read_text(encoding="utf-8")
    file = tmp_path / name
    file.write_text(text.replace("/etc/nmos-appliance/tls", str(tmp_path)), encoding="utf-8")
    if str(tmp_path) in file.read_text(encoding="utf-8"):
        authority = Authority(tmp_path)
        shutil.copy(authority.ca, tmp_path / "plant-ca.pem")
        for box, key in (("box-ecdsa", EC), ("box-rsa", RSA)):
            authority.certify(box, "box.studio.example", key=key)
    done = command("check", file)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("arguments", [["run", "--http-port", "x"], ["run", "--http-port", "70000"], ["fly"], []])
def test_a_wrong_command_line_is_exit_2(arguments: list[str]) -> None:
    done = command(*arguments)
    assert done.returncode == 2
    assert "usage" in done.stderr
    assert "Traceback" not in done.stderr


def test_json_is_what_it_says(tmp_path: Path) -> None:
    """A configuration in JSON is no TOML, and the message does not lead astray."""
    file = tmp_path / "appliance.json"
    file.write_text(json.dumps({"node": {"label": "x"}}), encoding="utf-8")
    assert "TOML" in command("check", file).stderr
