"""An ARM machine with one disk and one network port, emulated by qemu, cabled to a host's place on the test LAN."""

import shutil
import subprocess
from pathlib import Path
from typing import Self

from tests.lan.namespace import kill
from tests.lan.network import Host

FIRMWARE = Path("/usr/share/qemu-efi-aarch64/QEMU_EFI.fd")
PROGRAMS = ("qemu-system-aarch64", "ssh", "ip")
BOOT_PATIENCE_S = 900.0  # a busy machine that emulates another
MAC = "52:54:00:12:34:56"


class ArmMachine:
    """Boots a copy of `image` while it is entered. `host` has a port, cabled and not addressed: the machine's."""

    def __init__(self, image: Path, host: Host, folder: Path, key: Path) -> None:
        self._host, self._key = host, key
        self._disk = folder / f"{image.stem}-disk.img"
        self._console = folder / "console.log"
        subprocess.run(["cp", "--sparse=always", image, self._disk], check=True)
        host.ip(
            "link add br0 type bridge forward_delay 0 mcast_snooping 0",
            "link set eth0 master br0",
            "link set br0 up",
        )
        host.run(["ip", "tuntap", "add", "tap0", "mode", "tap"])
        host.ip("link set tap0 master br0 up")
        self._qemu: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self.power_on()
        return self

    def __exit__(self, *_: object) -> None:
        self.power_off()
        self._disk.unlink()

    @property
    def console(self) -> str:
        """What it said on its serial port since it was switched on."""
        return self._console.read_text(encoding="utf-8", errors="replace") if self._console.exists() else ""

    def power_on(self) -> None:
        """From the firmware on. The disk is opened past this machine's page cache."""
        self._console.unlink(missing_ok=True)
        self._qemu = self._host.popen(
            [
                *("qemu-system-aarch64", "-M", "virt", "-cpu", "cortex-a57", "-smp", "2", "-m", "1024"),
                *("-accel", "tcg,thread=multi", "-bios", str(FIRMWARE)),
                *("-nodefaults", "-nographic", "-serial", f"file:{self._console}"),
                *("-drive", f"if=none,id=disk,file={self._disk},format=raw,cache=none"),
                *("-device", "virtio-blk-pci,drive=disk", "-device", "virtio-rng-pci"),
                *("-netdev", "tap,id=port,ifname=tap0,script=no,downscript=no"),
                *("-device", f"virtio-net-pci,netdev=port,mac={MAC}"),
            ],
            log=self._host.lan.log("qemu"),
        )

    def power_off(self) -> None:
        """At once, in the middle of whatever it does: what its kernel had not yet given to the disk is gone."""
        if self._qemu:
            kill(self._qemu)
            self._qemu = None

    def run(self, desk: Host, address: str, command: str) -> str:
        """What a command says on it, run as root by ssh from the desk; an AssertionError where it fails."""
        options = ("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "ConnectTimeout=60", "LogLevel=ERROR")
        ssh = ["ssh", "-i", str(self._key), *(word for option in options for word in ("-o", option))]
        return desk.run([*ssh, f"root@{address}", command], timeout_s=180).stdout


def available() -> list[str]:
    """What this test lacks here."""
    missing = [program for program in PROGRAMS if not shutil.which(program)]
    return missing if FIRMWARE.exists() else [*missing, str(FIRMWARE)]
