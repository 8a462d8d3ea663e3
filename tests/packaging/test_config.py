"""The configuration that the package installs, for those who edit it."""

import re
from dataclasses import replace

from appliance.config.default import default_config
from appliance.config.loader import load, parse
from tests.packaging.machine import CHECKOUT

CONFIG = CHECKOUT / "debian" / "appliance.toml"
SUGGESTION = re.compile(r"^# (?=[a-z_]+ = )", re.MULTILINE)


def test_as_shipped_it_is_the_default_box_on_port_80() -> None:
    default = default_config()
    assert load(CONFIG) == replace(default, network=replace(default.network, http_port=80))


def test_each_of_its_suggestions_is_good() -> None:
    text, count = SUGGESTION.subn("", CONFIG.read_text(encoding="utf-8"))
    assert count > 1
    parse(text)
