"""`Puppet`: a program of ours on a host of the LAN that does what it is told, an order a line, and says how it went.

`puppet_process` is its other side, in the process itself.
"""

import json
import select
import signal
import subprocess
import sys
from typing import Any, ClassVar, Self

from tests.lan.box import CHECKOUT
from tests.lan.namespace import kill
from tests.lan.network import Host
from tests.lan.waiting import PATIENCE_S


class Puppet:
    """Base of the fakes that run in a process of their own. `MODULE` is what runs there, `WHAT` what to call it."""

    MODULE: ClassVar[str]
    WHAT: ClassVar[str]

    def __init__(self, host: Host, name: str) -> None:
        self.host = host
        self.name = name
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> Self:
        """Start the process, ready to be told what to do."""
        raise NotImplementedError

    def kill(self) -> None:
        """kill -9: no goodbye, no more answers, connections are refused. May be repeated."""
        if self._process:
            kill(self._process)
            self._process = None

    def freeze(self) -> None:
        """SIGSTOP: connections are accepted by the kernel, and nothing ever comes."""
        self._running().send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._running().send_signal(signal.SIGCONT)

    def _launch(self, *arguments: str) -> None:
        self._process = self.host.popen(
            [sys.executable, "-m", self.MODULE, *arguments],
            log=self.host.lan.log(self._log_name),
            environment={"PYTHONPATH": str(CHECKOUT)},
            interactive=True,
        )
        self._reply()  # its first line says that it is there

    def _tell(self, command: str, **arguments: object) -> Any:
        stdin = self._running().stdin
        assert stdin
        stdin.write(json.dumps({"command": command, "arguments": arguments}) + "\n")
        stdin.flush()
        return self._reply()

    def _reply(self) -> Any:
        """The answer to the last command. There is never more than one on its way, so none waits in a buffer."""
        stdout = self._running().stdout
        assert stdout
        readable, _, _ = select.select([stdout], [], [], PATIENCE_S)
        line = stdout.readline() if readable else ""
        if not line:
            log = self.host.lan.log(self._log_name).read_text(encoding="utf-8")
            raise AssertionError(f"{self.WHAT} {self.name} does not reply; it said:\n{log[-4000:]}")
        reply = json.loads(line)
        if "error" in reply:
            raise AssertionError(f"{self.WHAT} {self.name}: {reply['error']}")
        return reply["result"]

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None:
            raise RuntimeError(f"{self.WHAT} {self.name} does not run")
        return self._process

    @property
    def _log_name(self) -> str:
        return f"{self.WHAT.replace(' ', '-').lower()}-{self.name}"
