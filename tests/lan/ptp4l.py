"""`Ptp4l`: linuxptp's ptp4l on a host of the LAN, as a grandmaster or as a slave.

Its clocks run free: nothing steers the clock of the machine that the tests run on. A clock that runs free is not locked
for ptp4l: it stays UNCALIBRATED until somebody who would know tells it that the synchronization is certain.
"""

import subprocess
from pathlib import Path
from typing import Self

from tests.lan.namespace import kill
from tests.lan.network import Host
from tests.lan.waiting import eventually

PACKAGES = ("linuxptp",)

# Quick, so that tests are: Announce four times a second, Sync eight times.
_OPTIONS = """\
[global]
free_running 1
time_stamping software
logAnnounceInterval -2
logSyncInterval -3
announceReceiptTimeout 3
uds_address {socket}
"""
# No UTC offset, as its time is the machine's UTC: with the real one, slaves would find themselves 37 s off.
_TRACEABLE = (
    "clockClass 6 clockAccuracy 0x21 offsetScaledLogVariance 0x4e5d currentUtcOffset 0 leap61 0 leap59 0 "
    "currentUtcOffsetValid 1 ptpTimescale 1 timeTraceable 1 frequencyTraceable 1 timeSource 0x20"
)


class Ptp4l:
    """Runs while it is entered, or from `start` to `kill`. `folder` keeps its configuration and its sockets."""

    def __init__(self, host: Host, folder: Path, *, slave: bool = False, domain: int = 127) -> None:
        self._host = host
        self._domain = domain
        self._folder = folder
        self.socket = folder / "ptp4l"
        self._role = ["--slaveOnly", "1"] if slave else ["--priority1", "10"]
        self._log = host.lan.log(f"ptp4l-{host.label}")
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def gmid(self) -> str:
        """Its own clock identity, as IS-04 writes it: made from the MAC address of its port."""
        digits = self._host.mac().split(":")
        return "-".join([*digits[:3], "ff", "fe", *digits[3:]])

    def start(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        config = self._folder / "ptp4l.conf"
        config.write_text(_OPTIONS.format(socket=self.socket), encoding="utf-8")
        command = ["ptp4l", "-f", str(config), "-i", "eth0", "--domainNumber", str(self._domain), *self._role, "-m"]
        self._process = self._host.popen(command, log=self._log)
        eventually(self._is_up, "ptp4l to answer")
        return self

    def kill(self) -> None:
        """Kill -9: its socket stays in the folder, with nobody behind it."""
        if self._process:
            kill(self._process)
            self._process = None

    def certain(self, yes: bool) -> None:
        """Tell it whether its synchronization is good, as what steers a clock would; if so, its port becomes SLAVE."""
        self._pmc(f"SET SYNCHRONIZATION_UNCERTAIN_NP {0 if yes else 1}")

    def traceable(self) -> None:
        """Make a grandmaster say that its time comes from a primary reference."""
        self._pmc(f"SET GRANDMASTER_SETTINGS_NP {_TRACEABLE}")

    def _pmc(self, command: str) -> str:
        ours = self._folder / "pmc"
        asked = ["pmc", "-u", "-b", "0", "-d", str(self._domain), "-s", str(self.socket), "-i", str(ours), command]
        return self._host.run(asked).stdout

    def _is_up(self) -> bool:
        assert self._process
        if self._process.poll() is not None:
            raise ChildProcessError(f"ptp4l ended: {self._log.read_text(encoding='utf-8')}")
        return self.socket.exists() and "RESPONSE" in self._pmc("GET DEFAULT_DATA_SET")
