"""Names for DNS-SD and mDNS, from whatever people call their boxes."""

import pytest

from appliance.discovery.naming import host_name, instance_label

NODE = "3f2a91c0-0000-4000-8000-000000000000"


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("Studio 1", "Studio 1"),
        ("Regie Süd", "Regie Süd"),
        ("a.b.c", "a-b-c"),
        ("  tabs\tand\nlines\x00 ", "tabsandlines"),
        ("", "nmos-node"),
        ("\x1b\u202e", "nmos-node"),
        ("ü" * 60, "ü" * 29),
    ],
)
def test_instance_label(label: str, name: str) -> None:
    assert instance_label(label) == name
    assert len(instance_label(label).encode()) <= 59


@pytest.mark.parametrize(
    ("hostname", "name"),
    [
        ("studio", "studio-3f2a91c0.local."),
        ("Studio_1.example.org", "studio-1-3f2a91c0.local."),
        ("", "nmos-3f2a91c0.local."),
        ("ü", "nmos-3f2a91c0.local."),
        ("x" * 100, "x" * 54 + "-3f2a91c0.local."),
    ],
)
def test_host_name(hostname: str, name: str) -> None:
    assert host_name(hostname, NODE) == name
    assert len(name.partition(".")[0]) <= 63
