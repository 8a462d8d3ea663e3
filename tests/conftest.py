"""For every test: what it starts, it ends; and what needs root is skipped without it, except in CI."""

import os

import pytest

from tests.support.environment import unavailable
from tests.support.leaks import no_leaks

__all__ = ["no_leaks"]


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("root") and os.geteuid() != 0:
        unavailable("makes network namespaces, which needs root")
