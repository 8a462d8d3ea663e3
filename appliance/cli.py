"""The command line: ``nmos-appliance``, or ``python -m appliance``.

Nothing but argparse is imported before it is known what was asked: ``status`` must not pay for the whole box. Exit
codes: 0 done; 1 it failed, and one line says why; 2 a wrong command line or configuration.
"""

from __future__ import annotations

import argparse
import os
import socket
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from appliance import __version__
from appliance.commands import operate, upkeep
from appliance.errors import ApplianceError, ConfigError

if TYPE_CHECKING:
    from appliance.commands.client import Daemon
    from appliance.config.model import Config

CONFIG_FILE = Path("/etc/nmos-appliance/appliance.toml")

Run = Callable[[argparse.Namespace], int]


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the command line says; returns the exit code."""
    arguments = _parser().parse_args(argv)
    command: Run = arguments.command
    try:
        return command(arguments)
    except ApplianceError as error:
        print(f"nmos-appliance: {error.message}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader has seen enough (`nmos-appliance sources | head`)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def state_dir(given: Path | None, environ: Mapping[str, str]) -> Path:
    """Where state is kept: ``--state-dir``, else what systemd names, else the user's own."""
    if given is not None:
        return given
    named = environ.get("STATE_DIRECTORY", "").partition(":")[0]
    return Path(named) if named else Path.home() / ".local" / "state" / "nmos-appliance"


# ---- the box itself


def _run(arguments: argparse.Namespace) -> int:
    from appliance.system import collector, lean

    collector.rest()
    lean.without_client()
    from appliance.run import run

    try:
        return int(
            run(
                lambda: _configuration(arguments.config),
                http_port=arguments.http_port,
                state_dir=state_dir(arguments.state_dir, os.environ),
                interfaces=tuple(arguments.interface),
            )
        )
    except ConfigError as error:
        return _refused(error)


def _check(arguments: argparse.Namespace) -> int:
    try:
        config = _load(arguments.file)
        of_certificates = _certificates(config, arguments.file)
    except ConfigError as error:
        return _refused(error)
    parts = (
        _count(len(config.devices), "device"),
        _count(len(config.senders), "sender"),
        _count(len(config.receivers), "receiver"),
    )
    print(f"{arguments.file}: good: {', '.join(parts)}")
    from appliance.commands.devices import notes
    from appliance.commands.redact import exposed

    for note in (*of_certificates, *exposed(arguments.file, config), *notes(config)):
        print(f"note: {note}")
    return 0


def _certificates(config: Config, file: Path) -> list[str]:
    """What is to be noted of them; ConfigError where clients would not take them."""
    if config.tls is None:
        return []
    from appliance.edge.certificates import notes, out_of_date, read_all

    now = time.time()
    try:
        certificates = read_all(config.tls)
        if problems := out_of_date(certificates, now):
            raise ConfigError(problems)
    except ConfigError as error:
        raise ConfigError([(f"{file}: {key}", reason) for key, reason in error.problems]) from None
    host = socket.gethostname()
    return list(notes(config.tls, certificates, (host, f"{host.partition('.')[0]}.local"), now))


def _devices(arguments: argparse.Namespace) -> int:
    from appliance.commands.devices import devices

    return devices(as_json=arguments.json)


def _configuration(given: Path | None) -> Config:
    """Of the file that was given, else the service's if it is there, else the default box."""
    if given is not None or CONFIG_FILE.exists():
        return _load(given or CONFIG_FILE)
    from appliance.config.default import default_config

    return default_config()


def _load(path: Path) -> Config:
    """The configuration; :class:`ConfigError` with every problem of it, each with the name of the file."""
    from appliance.config.loader import load

    try:
        return load(path)
    except ConfigError as error:
        raise ConfigError(
            [(f"{path}: {key}" if key else str(path), reason) for key, reason in error.problems]
        ) from None
    except OSError as error:
        raise ConfigError([(str(path), error.strerror or str(error))]) from None


def _refused(error: ConfigError) -> int:
    print(error.message, file=sys.stderr)
    return 2


# ---- commands that talk to a running box


def _status(arguments: argparse.Namespace) -> int:
    from appliance.commands import show

    return show.status(_daemon(arguments), as_json=arguments.json)


def _sources(arguments: argparse.Namespace) -> int:
    from appliance.commands import show

    return show.sources(_daemon(arguments), receiver=arguments.receiver, as_json=arguments.json)


def _receivers(arguments: argparse.Namespace) -> int:
    from appliance.commands import show

    return show.receivers(_daemon(arguments), as_json=arguments.json)


def _take(arguments: argparse.Namespace) -> int:
    from appliance.commands.take import take

    sender = None if arguments.off else arguments.sender
    return take(_daemon(arguments), arguments.receiver, sender, as_json=arguments.json)


def _explain(arguments: argparse.Namespace) -> int:
    from appliance.commands.explain import explain

    return explain(_daemon(arguments), arguments.receiver, arguments.sender, as_json=arguments.json)


def _events(arguments: argparse.Namespace) -> int:
    from appliance.commands.events import events

    return events(_daemon(arguments), arguments.source, arguments.value, as_json=arguments.json)


def _watch(arguments: argparse.Namespace) -> int:
    from appliance.commands.watch import watch

    return watch(_daemon(arguments), as_json=arguments.json)


def _panel(arguments: argparse.Namespace) -> int:
    from appliance.commands.panel import panel, screen

    if arguments.screen is not None:
        return screen(_daemon(arguments), arguments.screen, arguments.config or CONFIG_FILE)
    return panel(_daemon(arguments), receiver=arguments.receiver)


def _reload(arguments: argparse.Namespace) -> int:
    from appliance.commands.reload import reload

    return reload(_daemon(arguments))


def _daemon(arguments: argparse.Namespace) -> Daemon:
    return operate.daemon(arguments)


# ---- what may be said


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="nmos-appliance",
        description="An AMWA NMOS node with a front panel: finds what others send, and plays what is chosen.",
    )
    parser.add_argument("--version", action="version", version=f"nmos-appliance {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_box_commands(commands)
    _add_panel_commands(commands)
    operate.add(lambda *declared: _command(commands, *declared), _add_url)
    upkeep.add(lambda *declared: _command(commands, *declared), _add_url)
    return parser


def _add_box_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    run = _command(commands, "run", _run, "run the box in the foreground")
    run.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help=f"its configuration (default: {CONFIG_FILE} if it is there)",
    )
    run.add_argument("--http-port", type=_port, metavar="N", help="serve on this port (0: any free one)")
    run.add_argument("--state-dir", type=Path, metavar="DIR", help="where it keeps its state")
    run.add_argument(
        "--interface", action="append", default=[], metavar="NAME", help="a media interface; may be repeated"
    )
    _add_url(_command(commands, "reload", _reload, "have the box read its configuration again"))
    check = _command(commands, "check", _check, "say everything that is wrong with a configuration")
    check.add_argument("file", type=Path, metavar="FILE")
    devices = _command(
        commands, "devices", _devices, "list sound cards, cameras and screens, and what GStreamer can do"
    )
    devices.add_argument("--json", action="store_true", help="print JSON")


def _add_panel_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    _remote(_command(commands, "status", _status, "how the box is doing"))
    sources = _remote(_command(commands, "sources", _sources, "what can be chosen"))
    sources.add_argument("--receiver", metavar="RECEIVER", help="say what fits this one (id or label)")
    _remote(_command(commands, "receivers", _receivers, "the box's receivers and what they show"))
    take = _remote(_command(commands, "take", _take, "give a receiver a source, or none"))
    take.add_argument("receiver", metavar="RECEIVER", help="by id, or by a label that only it has")
    choice = take.add_mutually_exclusive_group(required=True)
    choice.add_argument("sender", metavar="SENDER", nargs="?", help="by id, or by a label that only it has")
    choice.add_argument("--off", action="store_true", help="no source")
    explain = _remote(_command(commands, "explain", _explain, "why a receiver gets its stream as it does, or not"))
    explain.add_argument("receiver", metavar="RECEIVER", help="by id, or by a label that only it has")
    explain.add_argument("sender", metavar="SENDER", nargs="?", help="tell whether this one would fit, too")
    events = _remote(_command(commands, "events", _events, "what events say; or set one that is operated by hand"))
    events.add_argument("source", metavar="SOURCE", nargs="?", help="by id, or by a label that only it has")
    events.add_argument("value", metavar="VALUE", nargs="?", help="on, off, a number, a text, or the label of a value")
    _remote(_command(commands, "watch", _watch, "print what changes, as it changes"))
    panel = _command(commands, "panel", _panel, "the front panel in this terminal")
    _add_url(panel)
    panel.add_argument("--receiver", metavar="RECEIVER", help="begin with this one (id or label)")
    panel.add_argument("--screen", metavar="NAME", help="on this small screen of the configuration instead")
    panel.add_argument("--config", type=Path, metavar="FILE", help=f"where that is said (default: {CONFIG_FILE})")


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, command: Run, purpose: str
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=purpose, description=purpose[0].upper() + purpose[1:] + ".")
    parser.set_defaults(command=command)
    return parser


def _remote(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    _add_url(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


def _add_url(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--url",
        help="where the box is (else $NMOS_APPLIANCE_URL, /run/nmos-appliance/api.json, port 8080 here)",
    )


def _port(text: str) -> int:
    port = int(text) if text.isascii() and text.isdecimal() else -1
    if not 0 <= port <= 65_535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port (0 to 65535)")
    return port


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
