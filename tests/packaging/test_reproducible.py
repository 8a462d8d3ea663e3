"""The same source makes the same package, byte by byte, whenever and wherever it is built."""

import hashlib
import os
import subprocess
from pathlib import Path

import pytest

from tests.packaging.conftest import built_package
from tests.packaging.machine import CHECKOUT

ELSEWHERE = {"TZ": "Asia/Kolkata", "LC_ALL": "C", "HOME": "/nonexistent"}


@pytest.mark.timeout(300)
def test_built_again_elsewhere_by_somebody_else_it_is_the_same(tmp_path: Path) -> None:
    """Another time, folder, time zone, locale and umask."""
    first = built_package()
    subprocess.run(
        ["bash", "-c", 'umask 077 && exec "$@"', "bash", CHECKOUT / "tools" / "build-deb", tmp_path / "deb"],
        env={**os.environ, **ELSEWHERE, "TMPDIR": str(tmp_path)},
        check=True,
    )
    assert hashed(tmp_path / "deb" / first.name) == hashed(first)


def hashed(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
