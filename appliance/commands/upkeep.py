"""What the command line says of ``report``, ``backup`` and ``restore``; the work is imported when it is asked for."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path

Add = Callable[[str, Callable[[argparse.Namespace], int], str], argparse.ArgumentParser]
"""Declare a command: its name, what runs it, its purpose."""


def add(command: Add, add_url: Callable[[argparse.ArgumentParser], None]) -> None:
    """Declare the three."""
    parser = command("report", _report, "write all that a support ticket needs into one file")
    parser.add_argument("file", type=Path, metavar="FILE", nargs="?", help="a .tar.gz (default: named after the box)")
    parser.add_argument("--config", type=Path, metavar="FILE", help="the configuration to put in")
    _add_state_dir(parser)
    add_url(parser)
    parser = command("backup", _backup, "write who the box is and what was chosen on it into one file")
    parser.add_argument("file", type=Path, metavar="FILE", help="- for standard output")
    _add_state_dir(parser)
    parser = command("restore", _restore, "put a backup in the place of the state of a box that is stopped")
    parser.add_argument("file", type=Path, metavar="FILE", help="- for standard input")
    _add_state_dir(parser)


def _add_state_dir(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--state-dir", type=Path, metavar="DIR", help="where the box keeps its state")


def _backup(arguments: argparse.Namespace) -> int:
    from appliance.commands import keep

    return keep.backup(keep.find_state(arguments.state_dir, os.environ), arguments.file)


def _restore(arguments: argparse.Namespace) -> int:
    from appliance.commands import keep

    return keep.restore(keep.find_state(arguments.state_dir, os.environ), arguments.file)


def _report(arguments: argparse.Namespace) -> int:
    from appliance.commands.keep import find_state
    from appliance.commands.report import report

    state_dir = find_state(arguments.state_dir, os.environ)
    return report(arguments.file, arguments.config, state_dir, arguments.url, os.environ)
