"""Says what to do where the machine lacks something that a test needs: CI must have it, a laptop need not."""

import os
from typing import NoReturn

import pytest


def in_ci() -> bool:
    return os.environ.get("CI", "").lower() == "true"


def unavailable(reason: str) -> NoReturn:
    """Fail in CI, where nothing may be left untested; skip, with the reason, anywhere else."""
    if in_ci():
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason, allow_module_level=True)
