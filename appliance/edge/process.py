"""Supervised child processes on the event loop: started quickly, heard line by line, ended for certain.

Not asyncio's subprocesses: those of Python 3.11 take a thread for each child. Here the kernel tells of the end through
a pidfd, and starting is one vfork and exec (0.3 ms of the loop; with a preexec_fn it would be 6). Each child has

- a process group of its own, which is ended as a whole;
- SIGKILL from the kernel when the daemon dies, however that dies: util-linux's setpriv sets PR_SET_PDEATHSIG and then
  becomes the program, as nothing may run in Python between fork and exec;
- no file descriptors but its three and those it was given, no environment but what :func:`environment` lets through.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

KEPT_LINES = 20
MAX_LINE = 8000
"""The levels of 64 channels are half of it."""
_CHUNK = 65_536

INTERRUPT_PATIENCE_S = 1.0
TERMINATE_PATIENCE_S = 0.5

_PASSED_ON = ("PATH", "HOME", "USER", "TMPDIR", "TZ")
_PASSED_ON_PREFIXES = ("GST_", "ALSA_", "PULSE_", "PIPEWIRE_", "XDG_")

FILE_LOOP = (sys.executable, "-I", "-S", str(Path(__file__).with_name("file_loop.py")))
"""How file_loop.py is started: without looking for packages, which it does not use."""

OnLine = Callable[[str], None]
OnExit = Callable[[int, tuple[str, ...]], None]


class Process:
    """One child, running from the moment it is made; OSError where it cannot be started.

    ``on_line`` gets each line of its standard output, ``on_error`` each of its standard error; ``on_exit`` its exit
    code (negative: the signal that ended it) and the last lines of its standard error, once. ``descriptors`` are
    inherited under the numbers they have. ``stdin`` is what it can read; ``first`` the signal that asks it to end.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        on_exit: OnExit,
        on_line: OnLine = lambda line: None,
        descriptors: Sequence[int] = (),
        environment: Mapping[str, str],
        on_error: OnLine = lambda line: None,
        stdin: str = "",
        first: signal.Signals = signal.SIGINT,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._on_exit = on_exit
        self._on_error = on_error
        self._first = first
        with _readable(stdin) as readable:
            self._popen = subprocess.Popen(
                [*_bound_to_our_life(environment), *argv],
                stdin=readable,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=tuple(descriptors),
                env=dict(environment),
                start_new_session=True,
            )
        self.pid = self._popen.pid
        self._pidfd = os.pidfd_open(self.pid)
        self._last_lines: deque[str] = deque(maxlen=KEPT_LINES)
        self._outputs: tuple[_Output, ...] = (
            _Output(self._loop, self._popen.stdout, on_line),
            _Output(self._loop, self._popen.stderr, self._error),
        )
        self._patience: asyncio.TimerHandle | None = None
        self._ended = self._loop.create_future()
        self._loop.add_reader(self._pidfd, self._reap)

    @property
    def running(self) -> bool:
        return not self._ended.done()

    def terminate(self) -> None:
        """Ask it to end, which gives a recorder the time to complete its file; then insist. May be repeated."""
        if self.running and self._patience is None:
            self._signal(self._first)
            self._patience = self._loop.call_later(INTERRUPT_PATIENCE_S, self._insist)

    def kill(self) -> None:
        """End it and all that it started now."""
        self._signal(signal.SIGKILL)

    async def ended(self) -> None:
        """Return when it is gone and ``on_exit`` has been called."""
        await asyncio.shield(self._ended)

    def _error(self, line: str) -> None:
        self._last_lines.append(line)
        self._on_error(line)

    def _insist(self) -> None:
        self._signal(signal.SIGTERM)
        self._patience = self._loop.call_later(TERMINATE_PATIENCE_S, self.kill)

    def _signal(self, number: signal.Signals) -> None:
        if self.running:
            os.killpg(self.pid, number)

    def _reap(self) -> None:
        # The dead leader is not waited for yet, so that its number still means this group and no other.
        self._signal(signal.SIGKILL)
        self._loop.remove_reader(self._pidfd)
        os.close(self._pidfd)
        if self._patience is not None:
            self._patience.cancel()
        code = self._popen.wait()
        for output in self._outputs:
            output.finish()
        self._ended.set_result(None)
        # Whoever has it is had by it through these: what lived long would be a cycle for ever (system/collector.py).
        on_exit, self._on_exit, self._on_error, self._outputs = self._on_exit, _unheard, _unheard, ()
        on_exit(code, tuple(self._last_lines))


def _unheard(*_: object) -> None:
    """It has ended."""


class Lines:
    """Text lines from bytes as they come; a line that is too long is cut, and nothing is kept of what was cut."""

    def __init__(self) -> None:
        self._partial = b""

    def feed(self, data: bytes) -> list[str]:
        """The lines that ``data`` completes."""
        *complete, rest = data.split(b"\n")
        lines = [self._line(piece) for piece in complete]
        if rest:
            self._add(rest)
        return lines

    def finish(self) -> list[str]:
        """What was begun and never ended."""
        return [self._line(b"")] if self._partial else []

    def _line(self, piece: bytes) -> str:
        self._add(piece)
        whole, self._partial = self._partial, b""
        return whole.decode("utf-8", "replace").rstrip("\r")

    def _add(self, piece: bytes) -> None:
        self._partial += piece[: MAX_LINE - len(self._partial)]


class _Output:
    """One of the child's outputs: read when there is something, never waited for."""

    def __init__(self, loop: asyncio.AbstractEventLoop, pipe: IO[bytes] | None, on_line: OnLine) -> None:
        assert pipe is not None
        self._loop = loop
        self._pipe = pipe
        self._on_line = on_line
        self._lines = Lines()
        os.set_blocking(pipe.fileno(), False)
        loop.add_reader(pipe.fileno(), self._read)

    def finish(self) -> None:
        """Read what is left, but wait for nobody who may have inherited the other end."""
        if self._pipe.closed:
            return
        self._read()
        self._close()

    def _read(self) -> None:
        try:
            data = os.read(self._pipe.fileno(), _CHUNK)
        except BlockingIOError:
            return
        if data:
            self._tell(self._lines.feed(data))
        else:
            self._close()

    def _close(self) -> None:
        if self._pipe.closed:
            return
        self._loop.remove_reader(self._pipe.fileno())
        self._pipe.close()
        self._tell(self._lines.finish())

    def _tell(self, lines: Sequence[str]) -> None:
        for line in lines:
            self._on_line(line)


def environment(ours: Mapping[str, str], **extra: str) -> dict[str, str]:
    """What children get to know of our environment. Their messages are read by us: so no translations."""
    kept = {name: value for name, value in ours.items() if name in _PASSED_ON or name.startswith(_PASSED_ON_PREFIXES)}
    return {**kept, "LANG": "C.UTF-8", **extra}


def _readable(text: str) -> IO[bytes]:
    """A file in memory: unlike a pipe it takes a text of any length at once, and nobody has to be there to read it."""
    if not text:
        return Path(os.devnull).open("rb")
    file = os.fdopen(os.memfd_create("stdin"), "w+b")
    file.write(text.encode())
    file.seek(0)
    return file


def _bound_to_our_life(environment: Mapping[str, str]) -> tuple[str, ...]:
    setpriv = shutil.which("setpriv", path=environment.get("PATH", os.defpath))
    return (setpriv, "--pdeathsig", "KILL", "--") if setpriv else ()
