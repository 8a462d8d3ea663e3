"""Every target of tests/fuzz with some hundred inputs, the same each time; `make fuzz` goes on from there."""

from itertools import islice

import pytest

from tests.fuzz.mutation import mutations
from tests.fuzz.targets import TARGETS

INPUTS = 1_000


@pytest.mark.parametrize("name", TARGETS)
def test_it_refuses_or_takes_whatever_comes(name: str) -> None:
    target = TARGETS[name]
    corpus = list(target.corpus())
    assert corpus
    for data in islice(mutations(corpus, seed=11), len(corpus) + INPUTS):
        target(data)
