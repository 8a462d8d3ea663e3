"""What README.md shows of `systemctl status`, and what a machine says, brought to a form in which both are the same."""

import re
from pathlib import Path

LABELS = ("Loaded", "Active", "Docs", "Main PID", "Status")
_VARIES = (
    (re.compile(r"(?<=\()/(?:usr/)?(?=lib/)"), "/"),  # Debian 12 says where the unit really is
    (re.compile(r"(?<=; enabled; )(?:vendor )?preset"), "preset"),
    (re.compile(r" since .*"), ""),
    (re.compile(r"\d+"), "N"),
)


def status_shown(readme: Path) -> dict[str, str]:
    """From the block that begins with the unit's name."""
    text = readme.read_text(encoding="utf-8")
    start = text.index("    ● nmos-appliance.service")
    return as_shown(text[start : text.index("\n\n", start)])


def as_shown(status: str) -> dict[str, str]:
    """The first line and what is labelled, without what differs from box to box."""
    lines = [line.strip() for line in status.strip().splitlines()]
    found = {label: line.partition(": ")[2] for line in lines for label in LABELS if line.startswith(f"{label}: ")}
    return {name: _plain(text) for name, text in {"": lines[0], **found}.items()}


def _plain(text: str) -> str:
    for pattern, same in _VARIES:
        text = pattern.sub(same, text)
    return text
