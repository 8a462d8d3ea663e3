"""Auto-routes in the configuration: what they may be, and what is said of those that are not."""

import pytest

from appliance.config.loader import parse
from appliance.config.panel import RouteConfig, RuleConfig
from appliance.errors import ConfigError

BOX = """
[[devices]]
name = "d"
[[receivers]]
name = "r"
device = "d"
"""


def test_a_route() -> None:
    text = BOX + '[receivers.auto_route]\nmode = "follow"\nhold_s = 3\nback = false\nrules = [{label = "Mic *"}]\n'
    assert parse(text).receivers[0].auto_route == RouteConfig("follow", 3.0, False, (RuleConfig("Mic *"),))
    assert parse(BOX).receivers[0].auto_route == RouteConfig("keep")


@pytest.mark.parametrize(
    ("route", "key", "reason"),
    [
        ('mode = "always"', "mode", 'must be "keep" or "follow" or "first" or "never"'),
        ('mode = "follow"', "rules", "must have one rule at least"),
        ("hold_s = -1", "hold_s", "must be 0 to 86400"),
        ("hold_s = nan", "hold_s", "must be 0 to 86400"),
        ("rules = [{}]", "rules[0]", "must say one of label, device, group, tag, format"),
        ('rules = [{label = ""}]', "rules[0].label", "must be 1 to 200 printable characters"),
        ('rules = [{label = "x", format = "smell"}]', "rules[0].format", "must be"),
        ('rules = [{label = "x", colour = "red"}]', "rules[0].colour", "there is no such key"),
    ],
)
def test_what_is_wrong_is_named(route: str, key: str, reason: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse(f"{BOX}[receivers.auto_route]\n{route}\n")
    ((named, said),) = refused.value.problems
    assert named == f"receivers[0].auto_route.{key}"
    assert said.startswith(reason)
