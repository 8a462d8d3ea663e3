"""Child processes: real ones, as only the kernel knows how they end."""

import asyncio
import gc
import os
import signal
import subprocess
import sys
import weakref
from pathlib import Path

import pytest

from appliance.edge.process import KEPT_LINES, MAX_LINE, Lines, Process, environment
from tests.lan.waiting import eventually
from tests.support.leaks import run

ENVIRONMENT = environment(os.environ)


class Ended:
    """Remembers what a process said and how it ended."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.exits: list[tuple[int, tuple[str, ...]]] = []
        self.said = asyncio.Event()

    def line(self, line: str) -> None:
        self.lines.append(line)
        self.said.set()

    def exited(self, code: int, last_lines: tuple[str, ...]) -> None:
        self.exits.append((code, last_lines))

    def start(self, *argv: str, descriptors: tuple[int, ...] = ()) -> Process:
        return Process(
            argv,
            on_exit=self.exited,
            on_line=self.line,
            descriptors=descriptors,
            environment=ENVIRONMENT,
        )


def shell(script: str) -> tuple[int, tuple[str, ...], list[str]]:
    """The exit code, the last lines of standard error and those of standard output of a shell script."""
    ended = Ended()

    async def main() -> None:
        await ended.start("sh", "-c", script).ended()

    run(main())
    ((code, last_lines),) = ended.exits
    return code, last_lines, ended.lines


def test_what_it_said_and_how_it_ended() -> None:
    assert shell("echo out; echo err >&2; exit 3") == (3, ("err",), ["out"])


def test_nothing_of_it_waits_for_the_collector_when_it_has_ended() -> None:
    """A cycle that lived long is never freed (system/collector.py)."""

    class Owner(Ended):
        def begin(self, script: str) -> None:
            self.process = self.start("sh", "-c", script)

    async def main() -> None:
        for script in ("echo out; echo err >&2", "trap '' INT; echo ready; sleep 60"):
            owner = Owner()
            owner.begin(script)
            await owner.said.wait()
            owner.process.terminate()
            await owner.process.ended()
            assert len(owner.exits) == 1
            left = weakref.ref(owner), weakref.ref(owner.process)
            del owner
            await asyncio.sleep(0)
            assert [one() for one in left] == [None, None]

    gc.disable()
    try:
        run(main())
    finally:
        gc.enable()


def test_a_last_line_without_an_end_counts() -> None:
    assert shell("printf half; printf 'no such card' >&2")[1:] == (("no such card",), ["half"])


def test_only_the_last_lines_of_standard_error_are_kept() -> None:
    _, last_lines, _ = shell("for i in $(seq 1 500); do echo line $i >&2; done; exit 1")
    assert last_lines == tuple(f"line {number}" for number in range(501 - KEPT_LINES, 501))


def test_a_signal_is_a_negative_code() -> None:
    assert shell("kill -SEGV $$")[0] == -signal.SIGSEGV


def test_a_program_that_is_not_there_is_told_of() -> None:
    ended = Ended()

    async def main() -> None:
        try:
            await ended.start("/nowhere/program").ended()
        except FileNotFoundError:  # where there is no setpriv to say it
            ended.exited(127, ("No such file or directory",))

    run(main())
    ((code, last_lines),) = ended.exits
    assert code == 127
    assert "No such file or directory" in last_lines[-1]


def test_it_is_asked_first() -> None:
    ended = Ended()

    async def main() -> None:
        process = ended.start(sys.executable, "-c", _WAITING)
        await ended.said.wait()
        process.terminate()
        process.terminate()
        await process.ended()
        process.terminate()
        process.kill()

    run(main())
    assert ended.lines == ["ready", "asked"]
    assert ended.exits == [(0, ())]


def test_what_does_not_listen_is_killed_with_all_it_started() -> None:
    ended = Ended()

    async def main() -> None:
        process = ended.start("sh", "-c", "trap '' INT TERM; sleep 300 & echo $!; wait; sleep 300")
        await ended.said.wait()
        process.terminate()
        await process.ended()

    run(main())
    assert ended.exits[0][0] == -signal.SIGKILL
    eventually(lambda: not _alive(int(ended.lines[0])), "the end of the grandchild")


def test_it_inherits_the_descriptors_it_was_given_and_no_others() -> None:
    ended = Ended()
    given, other = os.open("/dev/null", os.O_RDONLY), os.open("/dev/null", os.O_RDONLY)
    os.set_inheritable(other, True)

    async def main() -> None:
        script = "for fd in /proc/self/fd/*; do echo ${fd##*/}; done"
        await ended.start("sh", "-c", script, descriptors=(given,)).ended()

    run(main())
    os.close(given)
    os.close(other)
    assert str(given) in ended.lines
    assert str(other) not in ended.lines


def test_it_leads_a_group_of_its_own() -> None:
    _, _, lines = shell("ps -o pgid= -p $$; echo $$")
    assert lines[0].strip() == lines[1]


def test_kill_9_of_us_leaves_no_orphan() -> None:
    ours = subprocess.Popen([sys.executable, "-c", _PARENT], stdout=subprocess.PIPE, text=True)
    assert ours.stdout is not None
    child = int(ours.stdout.readline())
    assert _alive(child)
    ours.kill()
    ours.wait()
    ours.stdout.close()
    eventually(lambda: not _alive(child), "the end of the child")


def test_the_environment_is_what_players_need_and_no_secrets() -> None:
    assert environment(
        {"PATH": "/bin", "AWS_SECRET": "x", "GST_DEBUG": "2", "LANG": "de_DE", "LC_ALL": "de_DE"}, GST_REGISTRY="/r"
    ) == {"PATH": "/bin", "GST_DEBUG": "2", "LANG": "C.UTF-8", "GST_REGISTRY": "/r"}


@pytest.mark.parametrize("size", [1, 2, 7, 10_000])
def test_lines_however_they_come(size: int) -> None:
    text = b"one\r\n\n" + b"x" * (MAX_LINE + 7) + b"\nlast \xff"
    lines, found = Lines(), []
    for start in range(0, len(text), size):
        found += lines.feed(text[start : start + size])
    assert found + lines.finish() == ["one", "", "x" * MAX_LINE, "last �"]


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


_WAITING = """
import os, signal, time
def asked(number, frame):
    os.write(1, b"asked\\n")
    os._exit(0)
signal.signal(signal.SIGINT, asked)
os.write(1, b"ready\\n")
time.sleep(300)
"""

_PARENT = """
import asyncio, os, signal
from appliance.edge.process import Process, environment
async def main():
    process = Process(
        ["sh", "-c", "echo up; exec sleep 300"], on_exit=print, environment=environment(os.environ),
        on_line=lambda line: print(process.pid, flush=True),
    )
    await process.ended()
asyncio.run(main())
"""
