"""A small Debian that really boots: systemd is its process 1, and a host of the test LAN is its network.

The root is made once by mmdebstrap and kept in `$NMOS_TEST_CACHE`, otherwise in build/cache. Each machine boots from
an overlay over it in memory, so a test can do to it what it likes. Root is needed.
"""

import contextlib
import hashlib
import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from tests.lan.namespace import kill
from tests.lan.network import Host
from tests.lan.waiting import eventually

CHECKOUT = Path(__file__).parents[2]
PROGRAMS = ("mmdebstrap", "systemd-nspawn", "nsenter", "setpriv", "ip")
BOOT_PATIENCE_S = 60.0
COMMAND_LIMIT_S = 120.0

# What the package depends on and recommends, so that it installs without a network, and what boots.
_PACKAGES = (
    *("systemd", "systemd-sysv", "dbus", "iproute2"),
    *("python3-aiohttp", "python3-bottle", "python3-cbor2", "python3-fastjsonschema"),
    *("python3-netifaces", "python3-prometheus-client", "python3-pyroute2", "python3-zeroconf", "python3-urwid"),
    *("gstreamer1.0-tools", "gstreamer1.0-plugins-base", "gstreamer1.0-plugins-good", "gstreamer1.0-alsa"),
)
_ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
_INBOX = "/inbox"


def root_of(suite: str) -> Path:
    """The folder with a root of that release of Debian; made now if there is none yet, which takes a minute."""
    cache = Path(os.environ.get("NMOS_TEST_CACHE") or CHECKOUT / "build" / "cache")
    contents = hashlib.sha256(" ".join(_PACKAGES).encode()).hexdigest()[:12]
    root = cache / f"{suite}-{contents}"
    if not root.exists():
        unfinished = cache / f"{suite}-unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        cache.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            [
                *("mmdebstrap", "--mode=root", "--variant=minbase", "--quiet"),
                '--aptopt=APT::Install-Recommends "false"',
                f"--include={','.join(_PACKAGES)}",
                *(suite, str(unfinished)),
            ],
            check=True,
        )
        unfinished.rename(root)
    return root


class Machine:
    """Boots `root` on `host` while it is entered. The folder `inbox` is /inbox inside."""

    def __init__(self, root: Path, host: Host, inbox: Path) -> None:
        self._root = root
        self._host = host
        self._inbox = inbox
        self._log = host.lan.log("systemd")
        self._nspawn: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self._inbox.mkdir(exist_ok=True)
        with self._log.open("w", encoding="utf-8") as sink:
            self._nspawn = subprocess.Popen(
                [
                    *("setpriv", "--pdeathsig", "KILL", "systemd-nspawn", "--quiet", "--boot"),
                    *("--directory", str(self._root), "--volatile=overlay", f"--machine={self._host.label}"),
                    *("--register=no", "--keep-unit", "--console=pipe"),
                    f"--network-namespace-path=/run/netns/{self._host.name}",
                    f"--bind-ro={self._inbox}:{_INBOX}",
                ],
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                text=True,
                start_new_session=True,
            )
        eventually(self._has_booted, "systemd to be up", BOOT_PATIENCE_S)
        return self

    def __exit__(self, *_: object) -> None:
        if self._nspawn:
            # Its process 1 takes all of the machine with it; that systemd-nspawn is gone it would outlive.
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                for child in self._children():
                    os.kill(child, signal.SIGKILL)
            kill(self._nspawn)
            self._nspawn = None

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command inside, as root; with `check`, an AssertionError shows what a failing one said."""
        done = subprocess.run(
            ["nsenter", f"--target={self._leader()}", "--all", *command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COMMAND_LIMIT_S,
            check=False,
            env=_ENVIRONMENT,
        )
        if check and done.returncode:
            raise AssertionError(f"{command}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def says(self, *command: str) -> str:
        """What a command prints, whatever its exit code is."""
        return self.run(*command, check=False).stdout.strip()

    def install(self, package: Path, *options: str) -> None:
        """Install a package file with apt, as an administrator would."""
        shutil.copy(package, self._inbox / package.name)
        self.run(*_APT_GET, "install", "--no-install-recommends", *options, f"{_INBOX}/{package.name}")

    def purge(self, name: str) -> None:
        """apt purge."""
        self.run(*_APT_GET, "purge", name)

    def unit_property(self, unit: str, name: str) -> str:
        """A property of a unit, as systemctl shows it."""
        return self.says("systemctl", "show", f"--property={name}", "--value", unit)

    def _has_booted(self) -> bool:
        assert self._nspawn
        if self._nspawn.poll() is not None:
            raise ChildProcessError(f"systemd-nspawn ended:\n{self._log.read_text(encoding='utf-8')}")
        if not self._children():
            return False
        return self.says("systemctl", "is-system-running") in ("running", "degraded")

    def _leader(self) -> int:
        """Process 1 of the machine, as a process of ours: nspawn's one child."""
        return self._children()[0]

    def _children(self) -> Sequence[int]:
        assert self._nspawn
        pid = self._nspawn.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]


_APT_GET = ("apt-get", "--quiet", "--yes", "--option=Dpkg::Use-Pty=0")
