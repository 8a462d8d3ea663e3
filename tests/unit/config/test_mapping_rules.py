"""[mapping]: what it may name, and each refusal with its key."""

import pytest

from appliance.config.loader import parse
from appliance.config.mapping import MappingConfig
from appliance.errors import ConfigError

BOX = """
[[devices]]
name = "box"
[[senders]]
name = "tone"
device = "box"
[[senders]]
name = "Café 1"
device = "box"
[[receivers]]
name = "speaker"
device = "box"
"""


def test_an_empty_table_is_enough() -> None:
    assert parse("[mapping]\n" + BOX).mapping == MappingConfig()
    assert parse(BOX).mapping is None


def test_names_with_other_characters_than_ids_may_have_are_spelt_out() -> None:
    config = parse('[[mapping.inputs]]\nid = "local-Caf_e9__20_1"\nlabel = "x"\n' + BOX)
    assert config.mapping is not None


@pytest.mark.parametrize(
    ("mapping", "key", "reason"),
    [
        ("latency_ms = 0", "latency_ms", "must be 1 to 500"),
        ("sample_rate = 8000", "sample_rate", "must be one of 44100"),
        ('inputs = [{ id = "x" }]', "inputs[0].id", 'there is no input "x"; there are receiver-speaker, local-tone'),
        ('inputs = [{ id = "local-tone" }, { id = "local-tone" }]', "inputs[1].id", "is there already"),
        ('inputs = [{ id = "local-tone", block_size = 3 }]', "inputs[0].block_size", "must divide the 2 channels"),
        ('inputs = [{ id = "local-tone", block_size = 0 }]', "inputs[0].block_size", "must divide the 2 channels"),
        ('inputs = [{ id = "local-tone", channels = [0] }]', "inputs[0].channels", "is for a sum"),
        ('inputs = [{ id = "local-tone", label = "a\\nb" }]', "inputs[0].label", "printable"),
        ('inputs = [{ id = "a b", sum_of = "local-tone" }]', "inputs[0].id", "must be letters, digits"),
        ('inputs = [{ id = "", sum_of = "local-tone" }]', "inputs[0].id", "must be letters, digits"),
        ('inputs = [{ id = "local-tone", sum_of = "receiver-speaker" }]', "inputs[0].id", "is an input itself"),
        ('inputs = [{ id = "m", sum_of = "m" }]', "inputs[0].sum_of", 'there is no input "m"'),
        ('inputs = [{ id = "m", sum_of = "local-tone", channels = [2] }]', "inputs[0].channels[0]", "0 to 1"),
        ('inputs = [{ id = "m", sum_of = "local-tone", channels = [0, 0] }]', "inputs[0].channels", "twice"),
        ('inputs = [{ id = "m", sum_of = "local-tone", reordering = false }]', "inputs[0].sum_of", "has one channel"),
        (
            'outputs = [{ id = "local-tone" }]',
            "outputs[0].id",
            'there is no output "local-tone"; there are sender-tone',
        ),
        ('outputs = [{ id = "sender-tone", channels = 2 }]', "outputs[0].channels", "is for a sink"),
        ('outputs = [{ id = "sink-speaker", channels = 65 }]', "outputs[0].channels", "must be 1 to 64"),
        ('outputs = [{ id = "sender-tone", routable_inputs = ["x"] }]', "outputs[0].routable_inputs[0]", "no input"),
        (
            'outputs = [{ id = "sender-tone", routable_inputs = ["local-tone", "local-tone"] }]',
            "outputs[0].routable_inputs",
            "twice",
        ),
    ],
)
def test_each_error_names_its_key_and_the_reason(mapping: str, key: str, reason: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(f"[mapping]\n{mapping}\n{BOX}")
    found = dict(caught.value.problems)
    assert list(found) == [f"mapping.{key}"]
    assert reason in found[f"mapping.{key}"]
