"""A reload is applied whole or refused whole, and everybody who waits is told."""

from dataclasses import dataclass, field, replace

import pytest

from appliance.config.model import Config, DeviceConfig, NetworkConfig
from appliance.edge.reloading import PROBLEM, Reloading
from appliance.errors import ConfigError, Conflict

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

    def made(self) -> Reloading:
        """Started."""
        reloading = Reloading(BEFORE, self.load, self.applied.append, self, self)
        reloading.start()
        return reloading


def test_a_changed_configuration_is_applied_once() -> None:
    stage = Stage()
    reloading = stage.made()
    assert reloading.reload() == "device box changed"
    assert reloading.reload() == "nothing changed"
    assert stage.applied == [AFTER]
    assert stage.manager == ["reloading", "reloaded"] * 2


def test_a_bad_one_is_refused_with_every_reason_and_shown_until_a_good_one_comes() -> None:
    stage = Stage(ConfigError([("a.toml: node.lable", "there is no such key"), ("x", "1"), ("y", "2"), ("z", "3")]))
    reloading = stage.made()
    with pytest.raises(Conflict, match=r"goes on as it was(?s:.*)node\.lable: there is no such key(?s:.*)z: 3"):
        reloading.reload()
    assert stage.applied == []
    assert stage.manager == ["reloading", "reloaded"]
    shown = stage.problems[-1]
    assert shown
    assert shown.startswith("the changed configuration was refused: a.toml: node.lable")
    assert shown.endswith("(and 1 more)")
    stage.file = AFTER
    reloading.reload()
    assert stage.problems[-1] is None


def test_what_needs_a_restart_leaves_all_of_it_undone() -> None:
    stage = Stage(replace(AFTER, network=NetworkConfig(http_port=81)))
    with pytest.raises(Conflict, match=r"network\.http_port: takes effect with a restart only"):
        stage.made().reload()
    assert stage.applied == []


def test_a_signal_does_the_same_and_never_raises() -> None:
    stage = Stage()
    reloading = stage.made()
    reloading.on_signal()
    assert stage.applied == [AFTER]
    stage.file = ConfigError([("", "not TOML")])
    reloading.on_signal()
    assert stage.applied == [AFTER]


def test_before_the_box_is_there_a_signal_is_remembered_and_a_request_refused() -> None:
    stage = Stage()
    reloading = Reloading(BEFORE, stage.load, stage.applied.append, stage, stage)
    reloading.on_signal()
    with pytest.raises(Conflict, match="starting"):
        reloading.reload()
    assert (stage.applied, stage.manager) == ([], [])
    reloading.start()
    assert stage.applied == [AFTER]
    reloading.stop()
    reloading.on_signal()
    assert stage.manager == ["reloading", "reloaded"]
