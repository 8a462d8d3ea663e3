"""Which of the brokers that are announced is used."""

import pytest

from appliance.config.model import BrokerConfig
from appliance.discovery.brokers import MQTT_TYPE, Brokers
from appliance.discovery.records import Announced, Evidence, Instance, Silent, Withdrawn
from appliance.discovery.txt import pack


def instance(name: str, ip: str = "10.0.0.5", server: str = "host.local.", port: int = 1883, **txt: str) -> Instance:
    return Instance(f"{name}.{MQTT_TYPE}", server, port, (ip,), pack({"api_proto": "mqtt", "api_auth": "false"} | txt))


def announce(brokers: Brokers, *instances: Instance) -> None:
    for each in instances:
        brokers.handle_event(Announced(each, Evidence.CHANGE))


def test_none_then_one_then_none() -> None:
    brokers = Brokers()
    assert brokers.best() is None
    announce(brokers, instance("a"))
    assert brokers.best() == BrokerConfig("10.0.0.5", 1883)
    brokers.handle_event(Withdrawn(f"A.{MQTT_TYPE}"))
    assert brokers.best() is None


def test_what_is_said_of_it() -> None:
    brokers = Brokers()
    announce(brokers, instance("a", port=9, api_proto="secure-mqtt", api_auth="true"))
    assert brokers.best() == BrokerConfig("host.local", 9, "secure-mqtt", authorization=True)


def test_a_certificate_has_a_name() -> None:
    brokers = Brokers()
    brokers.handle_unicast(MQTT_TYPE, [instance("a", server="broker.example.com.", api_proto="secure-mqtt")])
    assert brokers.has_unicast(MQTT_TYPE)
    best = brokers.best()
    assert best is not None
    assert best.host == "broker.example.com"


def test_the_one_in_use_stays_and_a_silent_one_is_the_last_choice() -> None:
    brokers = Brokers()
    announce(brokers, instance("b", "10.0.0.2"))
    brokers.best()
    announce(brokers, instance("a", "10.0.0.1"))
    hosts = []
    for event in (None, Silent(f"b.{MQTT_TYPE}"), Silent(f"a.{MQTT_TYPE}"), Withdrawn(f"a.{MQTT_TYPE}")):
        if event is not None:
            brokers.handle_event(event)
        best = brokers.best()
        hosts.append(best and best.host)
    assert hosts == ["10.0.0.2", "10.0.0.1", "10.0.0.1", "10.0.0.2"]


@pytest.mark.parametrize(
    "bad",
    [
        instance("a", "127.0.0.1"),
        instance("a", "127.0.0.1", api_proto="secure-mqtt"),
        instance("a", "224.0.0.1"),
        instance("a", "fe80::1%2"),
        instance("a", "0.0.0.0"),
        instance("a", "rubbish"),
        instance("a", port=0),
        instance("a", api_proto="http"),
        Instance(f"a.{MQTT_TYPE}", "h.local.", 1883, (), b"\xff" * 20),
    ],
)
def test_what_cannot_be_used_is_not(bad: Instance) -> None:
    brokers = Brokers()
    announce(brokers, bad)
    assert brokers.best() is None
    announce(brokers, instance("z"))
    assert brokers.best() is not None
