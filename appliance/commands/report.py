"""``report``: one file for a support ticket, with secrets removed. A part that cannot be had says why, in its place.

A .tar.gz of plain files, as logs and lists are long and are read one at a time. Made by the command, not by the daemon:
it is also, and above all, for a box that does not answer.
"""

from __future__ import annotations

import gzip
import io
import json
import platform
import re
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Mapping
from importlib import metadata
from pathlib import Path

from appliance import __version__
from appliance.commands.client import CommandError, Daemon, find_url
from appliance.commands.redact import Redaction
from appliance.core import journal
from appliance.edge.keeping import read_state
from appliance.errors import ApplianceError

CONFIG_FILE = Path("/etc/nmos-appliance/appliance.toml")
UNIT = "nmos-appliance"
LOG_LINES = 2000
MAX_PART = 4 * 1024 * 1024
"""Of a longer part the end is kept: the newest of a log."""
MAX_EXPLAINED = 64
_COMMAND_S = 10.0
_TIMEOUT_S = 5.0

_API = {
    "status.json": "/panel/status",
    "health.json": "/healthz",
    "receivers.json": "/panel/receivers",
    "streams.json": "/panel/streams",
    "peers.json": "/panel/peers",
    "sources.json": "/panel/sources",
    "metrics.txt": "/metrics",
    "node/self.json": "/x-nmos/node/v1.3/self",
    "node/devices.json": "/x-nmos/node/v1.3/devices",
    "node/senders.json": "/x-nmos/node/v1.3/senders",
    "node/receivers.json": "/x-nmos/node/v1.3/receivers",
}
_COMMANDS = {
    "network/addresses.txt": ("ip", "-details", "address"),
    "network/routes.txt": ("ip", "route", "show", "table", "all"),
    "network/routes6.txt": ("ip", "-6", "route", "show", "table", "all"),
    "network/groups.txt": ("ip", "maddress"),
    "network/sockets.txt": ("ss", "-lnup"),
    "service.txt": ("systemctl", "status", UNIT, "--no-pager", "--full", "--lines=0"),
    "log.txt": ("journalctl", f"--unit={UNIT}", "--no-pager", f"--lines={LOG_LINES}", "--output=short-iso-precise"),
}  # fmt: skip
_KERNEL = ("net/ipv4/conf/*/rp_filter", "net/ipv4/igmp_max_memberships", "net/core/rmem_max", "net/core/rmem_default")
_LIBRARIES = ("aiohttp", "bottle", "cbor2", "fastjsonschema", "netifaces", "pyroute2", "zeroconf", "urwid",
              "dnspython", "prometheus-client")  # fmt: skip

Part = tuple[str, Callable[[], str]]
"""The name of a file, and what gives its text: an error of it becomes the text."""


def report(file: Path | None, config: Path | None, state_dir: Path, url: str | None, environ: Mapping[str, str]) -> int:
    """Write it, and say what it lacks. The file is made anew, and is readable by its owner only."""
    config = config or CONFIG_FILE
    redaction = Redaction(_text_or_nothing(config))
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    folder = f"nmos-appliance-{re.sub('[^A-Za-z0-9-]', '-', platform.node()) or 'box'}-{stamp}"
    file = file or Path(f"{folder}.tar.gz")
    try:
        daemon: Daemon | None = Daemon(find_url(url, environ), _TIMEOUT_S)
    except CommandError as error:
        daemon, trouble = None, error.message
    else:
        trouble = ""
    parts: list[Part] = [
        ("about.txt", about),
        ("appliance.toml", lambda: _file(config)),
        ("state.txt", lambda: state(state_dir)),
        *((name, _api_part(daemon, path, trouble)) for name, path in _API.items()),
        ("explain.txt", lambda: explanations(daemon, trouble)),
        *((name, _command_part(argv)) for name, argv in _COMMANDS.items()),
        ("network/kernel.txt", kernel),
    ]
    texts, missing = _collected(parts, redaction)
    try:
        write(file, folder, texts)
    except FileExistsError:
        raise CommandError(f"{file} is there already") from None
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror or error}") from None
    print(f"{file}: {len(texts)} parts. Passwords, tokens and keys were removed; addresses, names and labels were not.")
    for why, names in missing.items():
        print(f"not in it: {', '.join(names)}: {why}")
    return 0


def about() -> str:
    """The versions of all that has a say."""
    lines = [
        f"nmos-appliance {__version__}",
        f"Python {platform.python_version()} ({sys.executable})",
        f"{platform.system()} {platform.release()} {platform.machine()}",
        next((line for line in _text_or_nothing(Path("/etc/os-release")).splitlines() if "PRETTY_NAME" in line), ""),
        f"up for {_text_or_nothing(Path('/proc/uptime')).partition(' ')[0] or '?'} s",
    ]
    return "\n".join([*lines, *(f"{name} {_version(name)}" for name in _LIBRARIES)]) + "\n"


def state(state_dir: Path) -> str:
    """What is in the state directory, and how much of what the journal holds."""
    lines = [f"{state_dir}"]
    for path in sorted(state_dir.iterdir()):
        about = path.stat()
        lines.append(f"{about.st_size:>12}  {time.strftime('%F %T', time.gmtime(about.st_mtime))}Z  {path.name}")
    kept = read_state(state_dir)
    lines += [f"identity {kept.seed}", f"schema {kept.older or journal.SCHEMA}{', its end is cut off' * kept.torn}"]
    lines += [f"{len(entries):>12}  {table}" for table, entries in sorted(kept.tables.items())]
    return "\n".join(lines) + "\n"


def explanations(daemon: Daemon | None, trouble: str) -> str:
    """Why each receiver gets its stream as it does, or not."""
    if daemon is None:
        raise CommandError(trouble)
    lines = []
    for receiver in daemon.get("/panel/receivers")["receivers"][:MAX_EXPLAINED]:
        explained = daemon.get("/panel/explain", receiver=receiver["id"])
        lines += [f"{receiver['label']} ({receiver['id']})", *(f"  {line}" for line in explained["sentences"])]
    return "".join(f"{line}\n" for line in lines)


def kernel() -> str:
    """The settings that decide whether multicast arrives."""
    root = Path("/proc/sys")
    found = (path for pattern in _KERNEL for path in sorted(root.glob(pattern)))
    return "".join(f"{path.relative_to(root)} = {path.read_text(encoding='ascii').strip()}\n" for path in found)


def write(file: Path, folder: str, texts: Mapping[str, str]) -> None:
    """A .tar.gz with one folder; FileExistsError where there is such a file."""
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb") as zipped, tarfile.open(fileobj=zipped, mode="w") as archive:
        for name, text in texts.items():
            data = text.encode("utf-8", "replace")
            member = tarfile.TarInfo(f"{folder}/{name}")
            member.size, member.mtime = len(data), int(time.time())
            archive.addfile(member, io.BytesIO(data))
    file.touch(mode=0o600, exist_ok=False)
    file.write_bytes(packed.getvalue())


def _collected(parts: list[Part], redaction: Redaction) -> tuple[dict[str, str], dict[str, list[str]]]:
    """The texts by name, and the names of those that could not be had by the reason."""
    texts: dict[str, str] = {}
    missing: dict[str, list[str]] = {}
    for name, get in parts:
        try:
            text = get()
        except ApplianceError as error:
            text, why = f"not available: {error.message}\n", error.message
        except (OSError, subprocess.SubprocessError) as error:
            why = str(getattr(error, "strerror", None) or error)
            text = f"not available: {why}\n"
        else:
            why = ""
        texts[name] = redaction.of(text[-MAX_PART:])
        if why:
            missing.setdefault(redaction.of(why), []).append(name)
    return texts, missing


def _api_part(daemon: Daemon | None, path: str, trouble: str) -> Callable[[], str]:
    def get() -> str:
        if daemon is None:
            raise CommandError(trouble)
        status, body = daemon.read(path)
        try:
            text = json.dumps(json.loads(body), indent=1, ensure_ascii=False)
        except ValueError:
            text = body.decode("utf-8", "replace")
        return text + "\n" if status == 200 else f"answered {status}\n{text}\n"

    return get


def _command_part(argv: tuple[str, ...]) -> Callable[[], str]:
    def get() -> str:
        ran = subprocess.run(argv, capture_output=True, timeout=_COMMAND_S, check=False, stdin=subprocess.DEVNULL)
        said = ran.stdout.decode("utf-8", "replace")
        failed = f"{argv[0]} ended with {ran.returncode}\n" if ran.returncode else ""
        return said + ran.stderr.decode("utf-8", "replace") + failed

    return get


def _file(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def _text_or_nothing(path: Path) -> str:
    try:
        return _file(path)
    except OSError:
        return ""


def _version(library: str) -> str:
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return "is not installed"
