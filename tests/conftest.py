"""For every test: what it starts, it ends; and what needs root is skipped without it, except in CI."""

import os

import pytest
from hypothesis import HealthCheck, settings

from tests.support.environment import unavailable
from tests.support.leaks import no_leaks

__all__ = ["no_leaks"]

# No test is about how long it takes; and where one fails, it must fail again.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile("house")


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("root") and os.geteuid() != 0:
        unavailable("makes network namespaces, which needs root")
