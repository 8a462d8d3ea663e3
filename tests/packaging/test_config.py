"""The configuration that the package installs, for those who edit it."""

import re

from appliance.config.default import default_config
from appliance.config.loader import load, parse
from tests.packaging.machine import CHECKOUT

CONFIG = CHECKOUT / "debian" / "appliance.toml"
SUGGESTION = re.compile(r"^# (?=[a-z_]+ = )", re.MULTILINE)


def test_as_shipped_it_is_the_default_box() -> None:
    assert load(CONFIG) == default_config()


def test_each_of_its_suggestions_is_good() -> None:
    text, count = SUGGESTION.subn("", CONFIG.read_text(encoding="utf-8"))
    assert count > 1
    parse(text)
