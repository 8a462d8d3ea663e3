"""kill -9, again and again: the state is one that was committed, never older than before, and the box stays who it is.

That nothing unsynced is needed is shown by tests/unit/edge/test_files.py; here the kernel's own files are used.
"""

import os
import random
import subprocess
import sys
from functools import partial
from pathlib import Path

from appliance.core import journal
from appliance.edge.files import JOURNAL, StateDirectory
from tests.integration.conftest import StartBox
from tests.lan.network import Lan
from tests.lan.waiting import eventually

CHECKOUT = Path(__file__).parents[2]
KILLS = int(os.environ.get("NMOS_TEST_KILLS", "40"))


def test_killed_at_any_moment_it_comes_back_with_whole_commits(tmp_path: Path) -> None:
    chance = random.Random(3)
    seeds, oldest = set(), 0
    for _ in range(KILLS):
        seed, started_from, last = killed_after(tmp_path, chance.randrange(1, 120))
        seeds.add(seed)
        assert started_from >= oldest
        kept = journal.read((tmp_path / JOURNAL).read_bytes()) if (tmp_path / JOURNAL).exists() else journal.Kept()
        sides = kept.tables.get("connection", {})
        if sides:
            left, right = sides["left"], sides["right"]
            assert left == right, "half of a commit"
            assert kept.tables["resource/node"]["n"]["label"] == str(left["number"])
            assert oldest <= left["number"] <= last + 1
            oldest = left["number"]
    assert len(seeds) == 1
    assert oldest > KILLS
    assert not list(tmp_path.glob("*.bad-*")), "a kill is no damage"


def killed_after(folder: Path, commits: int) -> tuple[str, int, int]:
    """Let a process commit, and kill it: its seed, what it started from, the last commit that it spoke of."""
    command = [sys.executable, "-m", "tests.integration.kept_process", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=CHECKOUT) as process:
        assert process.stdout is not None
        try:
            _, seed, _, started_from = process.stdout.readline().split()
            for _ in range(commits):
                process.stdout.readline()
        finally:
            process.kill()
        said = process.stdout.read().split("\n")[:-1]
    return seed, int(started_from), int(said[-1]) if said else int(started_from) + commits


def test_a_box_that_is_killed_is_the_same_box_again(lan: Lan, start_box: StartBox) -> None:
    box = start_box(lan.host("box"), None)
    base = "/x-nmos/connection/v1.1/single/receivers/"
    (receiver,) = box.get(base).json()
    path = f"{base}{receiver}"
    node = box.get("/x-nmos/node/v1.3/self").json()["id"]
    for number in range(1, 4):
        leg = {"multicast_ip": f"239.20.0.{number}", "destination_port": 5000 + number}
        answer = box.patch(f"{path}staged", {"transport_params": [leg]})
        assert answer.status == 200, answer.text
        staged = answer.json()["transport_params"][0]
        eventually(partial(saved, box.state_dir, receiver.rstrip("/"), leg), "the staged leg to be on flash")
        box.kill()
        box.start()
        assert box.get("/x-nmos/node/v1.3/self").json()["id"] == node
        assert box.get(f"{path}staged").json()["transport_params"][0] == staged


def saved(folder: Path, receiver: str, leg: dict[str, object]) -> bool:
    if not (folder / JOURNAL).exists():
        return False
    kept = journal.read((folder / JOURNAL).read_bytes())
    connection = kept.tables.get("connection", {}).get(receiver)
    return connection is not None and leg.items() <= connection["staged"]["transport_params"][0].items()


def test_a_second_box_on_the_same_state_is_refused(lan: Lan, start_box: StartBox) -> None:
    box = start_box(lan.host("box"), None)
    command = [sys.executable, "-m", "appliance", "run", "--http-port", "0", "--state-dir", str(box.state_dir)]
    second = box.host.run(command, check=False)
    assert second.returncode != 0
    assert f"{box.state_dir} is in use by another nmos-appliance" in second.stdout + second.stderr
    assert "Traceback" not in second.stdout + second.stderr


def test_a_box_with_nothing_but_rubbish_in_its_state_starts(lan: Lan, start_box: StartBox, tmp_path: Path) -> None:
    state = tmp_path / "box.d" / "state"
    state.mkdir(parents=True)
    for name in (JOURNAL, "identity"):
        (state / name).write_bytes(b"\xff rubbish" * 100)
    box = start_box(lan.host("box"), None)
    assert box.get("/x-nmos/node/v1.3/self").status == 200
    assert box.log.count("set aside as") == 2
    box.kill()
    kept = StateDirectory(state).open()
    assert str(kept.seed) in (state / "identity").read_text(encoding="ascii")
