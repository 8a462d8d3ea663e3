"""The global configuration of IS-09: read with care, kept over restarts."""

from typing import Any

import pytest

from appliance.core.store import Store
from appliance.errors import BadRequest
from appliance.nmos.is09.settings import GLOBAL, SYSTEM, LogServer, differences, keep, kept_settings, read_global
from tests.support.clock import FakeClock
from tests.support.specs import examples, problems


def document(**more: Any) -> dict[str, Any]:
    return {**dict(examples("is-09", "v1.0"))["global-get-200"], **more}


def test_amwas_example_is_understood() -> None:
    settings = read_global(document())
    assert settings.heartbeat_interval_s == 8
    assert (settings.ptp_domain, settings.ptp_announce_receipt_timeout) == (57, 2)
    assert settings.syslog is None
    assert settings.syslog_tls == LogServer("biglogger.ebu.ch", 3477)


def test_ports_have_defaults() -> None:
    settings = read_global(document(syslog={"hostname": "10.0.0.1"}, syslogv2={"hostname": "10.0.0.2"}))
    assert settings.syslog == LogServer("10.0.0.1", 514)
    assert settings.syslog_tls == LogServer("10.0.0.2", 6514)
    assert read_global(document(syslog={}, syslogv2={})).syslog is None


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"is04": {"heartbeat_interval": 0}}, "is04.heartbeat_interval"),
        ({"is04": {"heartbeat_interval": 1001}}, "is04.heartbeat_interval"),
        ({"is04": {"heartbeat_interval": "5"}}, "is04.heartbeat_interval"),
        ({"is04": {"heartbeat_interval": True}}, "is04.heartbeat_interval"),
        ({"is04": {"heartbeat_interval": 2.5}}, "is04.heartbeat_interval"),
        ({"is04": None}, "is04.heartbeat_interval"),
        ({"ptp": {"announce_receipt_timeout": 3, "domain_number": 128}}, "ptp.domain_number"),
        ({"ptp": {"announce_receipt_timeout": 1, "domain_number": 0}}, "ptp.announce_receipt_timeout"),
        ({"ptp": []}, "ptp.domain_number"),
        ({"syslog": {"hostname": "a b"}}, "syslog.hostname"),
        ({"syslog": {"hostname": "x" * 300}}, "syslog.hostname"),
        ({"syslog": {"hostname": "a", "port": 0}}, "syslog.port"),
        ({"syslog": "a"}, "syslog"),
        ({"id": None}, "id"),
        ({"version": 5}, "version"),
    ],
)
def test_bad_values_are_named_and_nothing_is_kept(change: dict[str, Any], key: str) -> None:
    bad = document(**change)
    assert problems("is-09", "v1.0", "global", bad) or key == "syslog.hostname"
    store = Store(FakeClock())
    keep(store, document())
    with pytest.raises(BadRequest, match=key.replace(".", r"\.")):
        keep(store, bad)
    assert store.aspect(SYSTEM, GLOBAL) == document()


@pytest.mark.parametrize("nonsense", [None, [], "text", 5])
def test_what_is_no_object_is_refused(nonsense: object) -> None:
    with pytest.raises(BadRequest, match="no object"):
        read_global(nonsense)


def test_it_is_kept_over_a_restart() -> None:
    store = Store(FakeClock())
    assert kept_settings(store) is None
    keep(store, document())
    later = Store(FakeClock())
    later.restore((), [(SYSTEM, GLOBAL, dict(store.aspect(SYSTEM, GLOBAL) or {}))])
    settings = kept_settings(later)
    assert settings is not None
    assert settings.heartbeat_interval_s == 8


def test_the_same_again_is_no_change() -> None:
    store = Store(FakeClock())
    keep(store, document())
    changes: list[object] = []
    store.subscribe(changes.append)
    keep(store, document())
    assert changes == []


def test_what_was_kept_in_another_form_is_ignored() -> None:
    store = Store(FakeClock())
    store.restore((), [(SYSTEM, GLOBAL, {"id": "from another release"})])
    assert kept_settings(store) is None


def test_the_log_says_what_is_new() -> None:
    before = read_global(document())
    after = read_global(document(id="11111111-0000-4000-8000-000000000000", is04={"heartbeat_interval": 3}))
    assert list(differences(before, before)) == []
    assert list(differences(before, after)) == [
        "this is another system (ZBQ System) than at the last time",
        "a heartbeat every 3 s",
    ]
    assert "PTP domain 57" in list(differences(None, before))
