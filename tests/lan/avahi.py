"""`Avahi`: avahi-daemon on a host of the LAN, as it runs beside the appliance on a real box or on a neighbour.

It gets a D-Bus system bus, a /run and an /etc/avahi of its own, in a private mount namespace.
"""

import re
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from xml.sax.saxutils import escape

from tests.lan.namespace import kill
from tests.lan.network import Host
from tests.lan.peer import NODE_TYPE
from tests.lan.waiting import eventually

PACKAGES = ("avahi-daemon", "avahi-utils", "dbus")

_NODE_TYPE = NODE_TYPE.removesuffix(".local.")
_CONFIG = """\
[server]
use-ipv4=yes
use-ipv6=yes
enable-dbus=yes

[publish]
publish-hinfo=no
publish-workstation=no
"""
_BUS = "/run/dbus/system_bus_socket"  # where libdbus looks for the system bus
# Without the <user> of the system's own configuration, so that the bus keeps the signal it gets when avahi dies.
_BUS_CONFIG = f"""\
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path={_BUS}</listen>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/>
  </policy>
</busconfig>
"""
# The shell becomes avahi-daemon, so that the process that was started is the one to signal.
_START = """\
mount -t tmpfs tmpfs /run && mkdir -p /run/dbus /run/avahi-daemon
mount --bind {etc} /etc/avahi
setpriv --pdeathsig KILL dbus-daemon --config-file={etc}/bus.conf --nofork --nopidfile &
until [ -S {bus} ]; do sleep 0.02; done
exec avahi-daemon --no-rlimits --no-drop-root --no-chroot
"""


@dataclass(frozen=True, slots=True)
class Seen:
    """One line of what avahi resolved: a service, by one port and one address family."""

    port_name: str
    family: str  # "IPv4", "IPv6"
    instance: str
    server: str
    address: str
    port: int
    txt: dict[str, str | None]


class Avahi:
    """Runs avahi-daemon in `host` while it is entered. `folder` keeps its configuration and its static services."""

    def __init__(self, host: Host, folder: Path, *, name: str = "avahi") -> None:
        self._host = host
        self._log = host.lan.log(name)
        self._etc = folder / "etc-avahi"
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        (self._etc / "services").mkdir(parents=True, exist_ok=True)
        (self._etc / "avahi-daemon.conf").write_text(
            _CONFIG.replace("[server]", f"[server]\nhost-name={self._host.label}"), encoding="utf-8"
        )
        (self._etc / "bus.conf").write_text(_BUS_CONFIG, encoding="utf-8")
        script = _START.format(etc=shlex.quote(str(self._etc)), bus=_BUS)
        self._process = self._host.popen(["unshare", "--mount", "sh", "-ec", script], log=self._log)
        eventually(self._started, "avahi-daemon to be up")
        return self

    def __exit__(self, *_: object) -> None:
        if self._process:
            kill(self._process)  # and with it the bus: they are one session
            self._process = None

    def browse(self, service_type: str = _NODE_TYPE) -> list[Seen]:
        """What avahi has in its cache now, resolved. Each call asks afresh, so changed TXT records are seen."""
        lines = self._inside("avahi-browse", "--resolve", "--parsable", "--terminate", service_type).splitlines()
        return [_parsed(line) for line in lines if line.startswith("=")]

    def resolve(self, instance: str, service_type: str = _NODE_TYPE) -> Seen | None:
        """One instance, by the first port and family that avahi resolved it on; None where it sees none."""
        return next((seen for seen in self.browse(service_type) if seen.instance == instance), None)

    def publish(self, instance: str, port: int, txt: dict[str, str], service_type: str = _NODE_TYPE) -> None:
        """Announce a static service, or change one. On a change avahi withdraws it and announces it anew."""
        records = "".join(f"<txt-record>{escape(f'{key}={value}')}</txt-record>" for key, value in txt.items())
        xml = (
            '<?xml version="1.0" standalone="no"?><!DOCTYPE service-group SYSTEM "avahi-service.dtd">'
            f'<service-group><name replace-wildcards="no">{escape(instance)}</name>'
            f"<service><type>{escape(service_type)}</type><port>{port}</port>{records}</service></service-group>"
        )
        new = self._etc / f"{instance}.new"
        new.write_text(xml, encoding="utf-8")
        new.rename(self._service_file(instance))  # avahi never reads half a file

    def withdraw(self, instance: str) -> None:
        """Take a static service away, with a goodbye."""
        self._service_file(instance).unlink()

    def _service_file(self, instance: str) -> Path:
        return self._etc / "services" / f"{instance}.service"

    def _started(self) -> bool:
        assert self._process
        said = self._log.read_text(encoding="utf-8") if self._log.exists() else ""
        if self._process.poll() is not None:
            raise ChildProcessError(f"avahi-daemon ended with {self._process.returncode}:\n{said}")
        return "Server startup complete" in said

    def _inside(self, *command: str) -> str:
        if not self._process:
            raise RuntimeError("avahi-daemon does not run")
        enter = ["nsenter", f"--target={self._process.pid}", "--mount", "--net"]
        return subprocess.run([*enter, *command], check=True, capture_output=True, text=True, timeout=30).stdout


def _parsed(line: str) -> Seen:
    """A line of `avahi-browse --parsable`: =;eth0;IPv4;name;type;domain;host;address;port;"txt" "txt"."""
    _, port_name, family, name, _, _, server, address, port, txt = line.split(";", 9)
    records: dict[str, str | None] = {}
    for record in re.findall(r'"([^"]*)"', txt):
        key, equals, value = record.partition("=")
        records[key] = value if equals else None
    return Seen(port_name, family, _unescaped(name), server, address, int(port), records)


def _unescaped(name: str) -> str:
    r"""avahi writes what is not a letter, digit, "_" or "-" as \ and three decimal digits, a byte of UTF-8 each."""
    as_bytes = re.sub(rb"\\(\d{3})", lambda match: bytes((int(match[1]),)), name.encode())
    return as_bytes.replace(rb"\.", b".").decode("utf-8", "replace")
