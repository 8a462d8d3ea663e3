"""A reload is applied whole or refused whole, and everybody who waits is told."""

import asyncio
import gc
import weakref
from dataclasses import dataclass, field, replace

import pytest

from appliance.config.model import Config, DeviceConfig, NetworkConfig
from appliance.edge.reloading import PROBLEM, Reloading
from appliance.errors import ConfigError, Conflict
from tests.support.leaks import run

BEFORE = Config(devices=(DeviceConfig("box"),))
AFTER = replace(BEFORE, devices=(DeviceConfig("box", label="Box"),))


@dataclass
class Stage:
    """All that a reload touches."""

    file: Config | ConfigError = AFTER
    applied: list[Config] = field(default_factory=list)
    problems: list[str | None] = field(default_factory=list)
    manager: list[str] = field(default_factory=list)

    def load(self) -> Config:
        if isinstance(self.file, ConfigError):
            raise self.file
        return self.file

    def set_problem(self, part: str, problem: str | None) -> None:
        assert part == PROBLEM
        self.problems.append(problem)

    def reloading(self) -> None:
        self.manager.append("reloading")

    def reloaded(self) -> None:
        self.manager.append("reloaded")

    async def apply(self, config: Config) -> None:
        await asyncio.sleep(0)
        self.applied.append(config)

    def made(self) -> Reloading:
        """Not started yet."""
        return Reloading(BEFORE, self.load, self.apply, self, self)

    def started(self) -> Reloading:
        reloading = self.made()
        reloading.start()
        return reloading


def test_a_changed_configuration_is_applied_once() -> None:
    async def main(stage: Stage) -> None:
        reloading = stage.started()
        assert await reloading.reload() == "device box changed"
        assert await reloading.reload() == "nothing changed"

    run(main(stage := Stage()))
    assert stage.applied == [AFTER]
    assert stage.manager == ["reloading", "reloaded"] * 2


def test_two_at_a_time_are_one_after_the_other() -> None:
    async def main(stage: Stage) -> list[str]:
        reloading = stage.started()
        return list(await asyncio.gather(reloading.reload(), reloading.reload()))

    assert run(main(stage := Stage())) == ["device box changed", "nothing changed"]
    assert stage.manager == ["reloading", "reloaded"] * 2


def test_a_bad_one_is_refused_with_every_reason_and_shown_until_a_good_one_comes() -> None:
    async def main(stage: Stage) -> None:
        reloading = stage.started()
        with pytest.raises(Conflict, match=r"goes on as it was(?s:.*)node\.lable: there is no such key(?s:.*)z: 3"):
            await reloading.reload()
        assert stage.applied == []
        assert stage.manager == ["reloading", "reloaded"]
        shown = stage.problems[-1]
        assert shown
        assert shown.startswith("the changed configuration was refused: a.toml: node.lable")
        assert shown.endswith("(and 1 more)")
        stage.file = AFTER
        await reloading.reload()
        assert stage.problems[-1] is None

    run(main(Stage(ConfigError([("a.toml: node.lable", "there is no such key"), ("x", "1"), ("y", "2"), ("z", "3")]))))


def test_a_refusal_leaves_nothing_for_the_collector() -> None:
    """A cycle may be put aside with what a reload brings, and is never freed then."""

    async def main(stage: Stage) -> None:
        reloading = stage.started()
        stage.file = ConfigError([("x", "1")])
        refusal = weakref.ref(stage.file)
        with pytest.raises(Conflict):
            await reloading.reload()
        stage.file = AFTER
        await reloading.reload()
        assert refusal() is None

    gc.disable()
    try:
        run(main(Stage()))
    finally:
        gc.enable()


def test_what_needs_a_restart_leaves_all_of_it_undone() -> None:
    async def main(stage: Stage) -> None:
        with pytest.raises(Conflict, match=r"network\.http_port: takes effect with a restart only"):
            await stage.started().reload()

    run(main(stage := Stage(replace(AFTER, network=NetworkConfig(http_port=81)))))
    assert stage.applied == []


def test_a_signal_does_the_same_and_a_refusal_of_it_is_no_error() -> None:
    async def main(stage: Stage) -> None:
        reloading = stage.started()
        reloading.on_signal()
        await reloading.reload()
        assert stage.applied == [AFTER]
        stage.file = ConfigError([("", "not TOML")])
        reloading.on_signal()
        with pytest.raises(Conflict):
            await reloading.reload()

    run(main(stage := Stage()))
    assert stage.applied == [AFTER]
    assert stage.manager == ["reloading", "reloaded"] * 4


def test_before_the_box_is_there_a_signal_is_remembered_and_a_request_refused() -> None:
    async def main(stage: Stage) -> None:
        reloading = stage.made()
        reloading.on_signal()
        with pytest.raises(Conflict, match="starting"):
            await reloading.reload()
        assert (stage.applied, stage.manager) == ([], [])
        reloading.start()
        await reloading.reload()
        assert stage.applied == [AFTER]
        await reloading.stop()
        reloading.on_signal()
        assert stage.manager == ["reloading", "reloaded"] * 2

    run(main(Stage()))


def test_what_becomes_known_of_the_host_is_made_of_the_same_configuration() -> None:
    async def main(stage: Stage) -> None:
        reloading = stage.made()
        reloading.again()
        assert stage.applied == []
        reloading.start()
        await reloading.reload()
        assert stage.applied == [BEFORE, AFTER]

    run(main(Stage()))


def test_a_stop_ends_a_reload_and_says_so() -> None:
    async def main(stage: Stage) -> None:
        reloading = stage.started()
        asking = asyncio.create_task(reloading.reload())
        await asyncio.sleep(0)
        await reloading.stop()
        with pytest.raises(Conflict, match="the box stops"):
            await asking

    run(main(stage := Stage()))
    assert stage.applied == []
