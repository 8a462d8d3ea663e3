"""The files of the panel's page, read once, wherever the package is installed."""

from __future__ import annotations

from pathlib import Path

import appliance.panel


def static_files() -> dict[str, bytes]:
    """Every file by its name."""
    folder = Path(appliance.panel.__file__).parent / "static"
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}
