"""Salted hashes: the right secret only, never twice the same, and nothing of the secret in them."""

import pytest

from appliance.edge.secrets import Scrypt
from tests.support.leaks import run


def test_only_the_right_one() -> None:
    async def story() -> None:
        scrypt = Scrypt()
        one, two = await scrypt.hashed("4711"), await scrypt.hashed("4711")
        assert one != two
        assert await scrypt.is_right("4711", one)
        assert await scrypt.is_right("4711", two)
        assert not await scrypt.is_right("4712", one)
        assert not await scrypt.is_right("", one)

    run(story())


@pytest.mark.parametrize(
    "hashed", ["", "4712", "scrypt:", "scrypt:x:y:z", "scrypt:16384:AA==:A", "scrypt:99999999:AA==:AA=="]
)
def test_what_is_no_hash_is_never_right(hashed: str) -> None:
    async def story() -> None:
        assert not await Scrypt().is_right("4711", hashed)

    run(story())


def test_a_configuration_may_have_the_secret_itself() -> None:
    async def story() -> None:
        assert await Scrypt().is_right("4711", "4711")
        assert not await Scrypt().is_right("", "4711")

    run(story())


def test_tokens_are_never_the_same() -> None:
    assert len({Scrypt().token() for _ in range(100)}) == 100
