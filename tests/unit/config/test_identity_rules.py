"""How a configuration may call what it has."""

import pytest

from appliance.config.loader import parse
from appliance.errors import ConfigError

DEVICES = '[[devices]]\nname = "d"\n[[devices]]\nname = "e"\n'


def end(table: str, name: str, hint: str, device: str = "d") -> str:
    return f'[[{table}]]\nname = "{name}"\ndevice = "{device}"\ngroup_hint = "{hint}"\n'


def service(href: str = "http://{host}:1/", type: str = "urn:x-maker:service:a") -> str:
    return f'[[node.services]]\nhref = "{href}"\ntype = "{type}"\n'


@pytest.mark.parametrize(
    "text",
    [
        end("senders", "a", "cam:video") + end("receivers", "a", "cam:return"),
        end("senders", "a", "cam:video") + end("senders", "b", "cam:video", "e"),
        end("senders", "a", "cam:video:node") + end("senders", "b", "cam:video"),
        service(),
        service("wss://h.example:9/x?y=1", "urn:x-nmos:service:b/v1.0"),
        '[node.tags]\n"urn:x-nmos:tag:location" = ["here"]\n',
    ],
)
def test_good(text: str) -> None:
    parse(DEVICES + text)


@pytest.mark.parametrize(
    ("text", "key", "reason"),
    [
        (end("senders", "a", "cam"), "senders[0].group_hint", 'must be "group:role"'),
        (end("senders", "a", "cam:v:box"), "senders[0].group_hint", 'must be "group:role"'),
        (
            end("senders", "a", "cam:video") + end("receivers", "b", "cam:video:device"),
            "receivers[0].group_hint",
            "is there already, as senders[0].group_hint",
        ),
        (
            end("senders", "a", "cam:video:node") + end("senders", "b", "cam:video:node", "e"),
            "senders[1].group_hint",
            "is there already",
        ),
        (service("status"), "node.services[0].href", "must be an absolute URL"),
        (service("http://{name}/"), "node.services[0].href", "must be an absolute URL"),
        (service(type="status"), "node.services[0].type", "must be a URN"),
        (
            '[node.tags]\n"urn:x-nmos:tag:asset:product/v1.0" = ["x"]\n',
            "node.tags.urn:x-nmos:tag:asset:product/v1.0",
            "is the box's own",
        ),
        (
            '[[senders]]\nname = "a"\ndevice = "d"\ntags = { "urn:x-nmos:tag:grouphint/v1.0" = ["a:b"] }\n',
            "senders[0].tags.urn:x-nmos:tag:grouphint/v1.0",
            "is the box's own",
        ),
    ],
)
def test_each_error_names_its_key(text: str, key: str, reason: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse(DEVICES + text)
    assert reason in dict(refused.value.problems)[key]
