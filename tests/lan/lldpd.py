"""`Lldpd`: lldpd on a host of the LAN, with sockets of its own, and the `lldpcli` that finds it."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Self

from tests.lan.namespace import kill
from tests.lan.network import Host
from tests.lan.waiting import eventually

PACKAGES = ("lldpd",)

_LLDPCLI = "/usr/sbin/lldpcli"
# It wants to chroot to /run/lldpd, which is its own in a private mount namespace.
_START = "mount -t tmpfs tmpfs /run && mkdir -p /run/lldpd && exec lldpd -d -u {socket} -I '{ports}'"


class Lldpd:
    """Runs while it is entered, or from `start` to `kill`, and speaks each second.

    `ports` by name, as lldpd leaves veths alone otherwise; `path` is a PATH for the box.
    """

    def __init__(self, host: Host, ports: str) -> None:
        self._host = host
        self._ports = ports
        # Not in pytest's folder, which is its owner's alone: lldpd and lldpcli give up being root.
        folder = Path(tempfile.mkdtemp(prefix="lldpd-"))
        host.lan.at_close(lambda: shutil.rmtree(folder))
        folder.chmod(0o755)
        self.socket = folder / "lldpd"
        program = folder / "lldpcli"
        program.write_text(f'#!/bin/sh\nexec {_LLDPCLI} -u {self.socket} "$@"\n', encoding="utf-8")
        program.chmod(0o755)
        self.path = f"{folder}:{os.environ['PATH']}"
        self._log = host.lan.log(f"lldpd-{host.label}")
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> Self:
        self.socket.unlink(missing_ok=True)
        script = _START.format(socket=self.socket, ports=self._ports)
        said = self._log.stat().st_size if self._log.exists() else 0
        self._process = self._host.popen(["unshare", "--mount", "sh", "-ec", script], log=self._log)
        eventually(lambda: self._is_up(said), "lldpd to be up")
        asked = [_LLDPCLI, "-u", str(self.socket)]
        self._host.run([*asked, "configure", "lldp", "tx-interval", "1"])
        self._host.run([*asked, "update"])
        return self

    def kill(self) -> None:
        if self._process:
            kill(self._process)
            self._process = None

    def _is_up(self, said: int) -> bool:
        """It begins paused, until it has read its configuration: what it is asked before that can be lost."""
        assert self._process
        if self._process.poll() is not None:
            raise ChildProcessError(f"lldpd ended with {self._process.returncode}")
        return b"should resume operations" in self._log.read_bytes()[said:]
