"""The files of the panel's page, read once, wherever the package is installed."""

from __future__ import annotations

from importlib.resources import files


def static_files() -> dict[str, bytes]:
    """Every file by its name."""
    folder = files("appliance.panel") / "static"
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}
