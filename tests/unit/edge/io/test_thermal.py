"""Thermal zones, from a folder as the kernel's is."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from appliance.config.model import EventInputConfig
from appliance.edge.io import thermal
from tests.unit.edge.io.fakes import until


def zone(folder: Path, number: int, type: str, temperature: str) -> Path:
    made = folder / f"thermal_zone{number}"
    made.mkdir()
    (made / "type").write_text(f"{type}\n")
    (made / "temp").write_text(f"{temperature}\n")
    return made


def test_the_zone_of_that_type_in_degrees(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thermal, "EVERY_S", 0.0)
    zone(tmp_path, 0, "gpu-thermal", "30000")
    cpu = zone(tmp_path, 1, "cpu-thermal", "45250")

    async def run() -> None:
        read: list[Any] = []
        close = thermal.open_input(
            EventInputConfig(kind="thermal", zone="cpu-thermal"), read.append, read.append, tmp_path
        )
        assert read == [45.25]
        (cpu / "temp").write_text("nonsense")
        await until(lambda: isinstance(read[-1], str))
        assert "cpu-thermal" in read[-1]
        (cpu / "temp").write_text("46000")
        await until(lambda: read[-1] == 46.0)
        assert read[-2] is None
        close()

    asyncio.run(run())


def test_the_first_zone_or_none(tmp_path: Path) -> None:
    async def run() -> None:
        read: list[Any] = []
        thermal.open_input(EventInputConfig(kind="thermal"), read.append, read.append, tmp_path)()
        assert "no temperature of the first zone" in read[0]
        zone(tmp_path, 0, "any", "1000")
        thermal.open_input(EventInputConfig(kind="thermal"), read.append, read.append, tmp_path)()
        assert read[1:] == [1.0]

    asyncio.run(run())
