"""A network namespace: how it is made and removed, and how code, sockets and commands get into it.

There are two ways in:

- **commands** go through `ip netns exec`, which also gives them a matching /sys. `setpriv --pdeathsig` makes the
  kernel kill them when the test run dies, however it dies;
- **sockets and code** of the test process itself: `call` runs a function in a short-lived thread that has moved
  into the namespace with setns(2). A socket belongs for ever to the namespace it was made in, so one that is made
  there can be used from any thread afterwards. Threads that the function starts stay inside too.
"""

import ctypes
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TypeVar

T = TypeVar("T")

CLONE_NEWNET = 0x40000000  # linux/sched.h
_RUN_NETNS = Path("/run/netns")
_libc = ctypes.CDLL(None, use_errno=True)

STOP_PATIENCE_S = 5.0


class Namespace:
    """One named network namespace and the processes that were started in it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._children: list[subprocess.Popen[str]] = []

    def create(self) -> None:
        subprocess.run(["ip", "netns", "add", self.name], check=True)

    def delete(self) -> None:
        """Kill what still runs inside, then remove the namespace, and with it every link in it."""
        for child in self._children:
            kill(child)
        self._children.clear()
        if (_RUN_NETNS / self.name).exists():
            subprocess.run(["ip", "netns", "delete", self.name], check=True)

    def call(self, function: Callable[[], T]) -> T:
        """The result of `function`, run inside. Not for starting processes: they would die with the thread."""

        def inside() -> T:
            self._enter()
            return function()

        with ThreadPoolExecutor(max_workers=1, thread_name_prefix=self.name) as thread:
            return thread.submit(inside).result()

    def open_socket(self, family: int, kind: int, protocol: int = 0) -> socket.socket:
        """A socket that lives in this namespace, whoever uses it."""
        return self.call(lambda: socket.socket(family, kind, protocol))

    def connect(self, address: str, port: int, timeout_s: float = 10.0) -> socket.socket:
        """A TCP connection that starts in this namespace."""
        return self.call(lambda: socket.create_connection((address, port), timeout=timeout_s))

    def popen(
        self,
        command: Sequence[str],
        *,
        log: Path | None = None,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
        interactive: bool = False,
    ) -> subprocess.Popen[str]:
        """Start a command inside. Its output is appended to `log`; `interactive` gives pipes to stdin and stdout."""
        with _output(log) as sink:
            child = subprocess.Popen(
                [*_INSIDE, self.name, *command],
                stdin=subprocess.PIPE if interactive else subprocess.DEVNULL,
                stdout=subprocess.PIPE if interactive else sink,
                stderr=sink,
                env={**os.environ, **environment} if environment else None,
                cwd=folder,
                text=True,
                start_new_session=True,
            )
        self._children.append(child)
        return child

    def run(
        self, command: Sequence[str], *, check: bool = True, timeout_s: float = 30.0, stdin: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run a command inside to its end; with `check`, an AssertionError shows what a failing one said."""
        done = subprocess.run(
            [*_INSIDE, self.name, *command],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        if check and done.returncode:
            raise AssertionError(f"{command} in {self.name}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def ip(self, *commands: str) -> None:
        """Run `ip` commands ("link set lo up") inside, all in one process."""
        subprocess.run(["ip", "-n", self.name, "-batch", "-"], input="\n".join(commands) + "\n", text=True, check=True)

    def sysctl(self, key: str, value: int | str) -> None:
        """Set a network sysctl of this namespace: `sysctl("net.ipv4.conf.all.rp_filter", 1)`."""
        self.call(lambda: Path("/proc/sys", *key.split(".")).write_text(f"{value}\n", encoding="ascii"))

    def proc_net(self, file: str) -> str:
        """The text of /proc/net/`file` as this namespace sees it."""
        return self.call(lambda: Path("/proc/thread-self/net", file).read_text(encoding="ascii"))

    def _enter(self) -> None:
        handle = os.open(_RUN_NETNS / self.name, os.O_RDONLY | os.O_CLOEXEC)
        try:
            if _libc.setns(handle, CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), f"setns into {self.name}")
        finally:
            os.close(handle)


def kill(child: subprocess.Popen[str]) -> None:
    """End a child and all it started (its session is its own), at once, and close its pipes."""
    if child.poll() is None:
        os.killpg(child.pid, signal.SIGKILL)
    child.wait(STOP_PATIENCE_S)
    for pipe in (child.stdin, child.stdout):
        if pipe:
            _close(pipe)


def remove_abandoned(prefix: str) -> None:
    """Delete the namespaces `<prefix><pid>-...` of test runs that were killed before they could clean up."""
    if not _RUN_NETNS.is_dir():
        return
    for path in _RUN_NETNS.glob(f"{prefix}*-*"):
        pid = path.name.removeprefix(prefix).partition("-")[0]
        if pid.isdigit() and not Path("/proc", pid).exists():
            subprocess.run(["ip", "netns", "delete", path.name], check=False, stderr=subprocess.DEVNULL)


_INSIDE = ("setpriv", "--pdeathsig", "KILL", "ip", "netns", "exec")


@contextmanager
def _output(log: Path | None) -> Iterator[IO[str] | int]:
    if log is None:
        yield subprocess.DEVNULL
    else:
        with log.open("a", encoding="utf-8") as sink:
            yield sink


def _close(pipe: IO[str]) -> None:
    with suppress(BrokenPipeError):  # what it was still to be told, and does not read any more
        pipe.close()
