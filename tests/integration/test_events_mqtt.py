"""Events by MQTT between boxes: through a broker that is announced, is killed and comes back, or is somebody else's."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.conftest import StartBox
from tests.integration.test_events import DESK, STAGE, active, board, endpoint, heard, lit, press, status
from tests.lan.avahi import Avahi
from tests.lan.box import Box
from tests.lan.network import Lan
from tests.lan.waiting import eventually
from tests.support.mosquitto import Mosquitto

MQTT = "_nmos-mqtt._tcp"
TOPICS = ("broker_topic", "connection_status_broker_topic", "ext_is_07_rest_api_url")


@pytest.fixture
def desk(lan: Lan, start_box: StartBox) -> Box:
    return start_box(lan.host("desk"), DESK.replace('"websocket"', '"mqtt"'), name="desk")


@pytest.fixture
def stage(lan: Lan, start_box: StartBox) -> Box:
    """Its broker is configured by a name that only mDNS knows."""
    config = STAGE.replace('"websocket"', '"mqtt"') + '[events.mqtt_broker]\nhost = "broker.local"\n'
    return start_box(lan.host("stage"), config, name="stage")


@pytest.fixture
def broker(lan: Lan, tmp_path: Path) -> Iterator[Mosquitto]:
    """Announced, as IS-07 wants it, by avahi."""
    host = lan.host("broker")
    broker = Mosquitto(tmp_path / "broker", host=host)
    broker.start()
    with Avahi(host, tmp_path) as avahi:
        avahi.publish("House broker", broker.port, {"api_proto": "mqtt", "api_auth": "false"}, MQTT)
        yield broker
    broker.kill()


def connect(box: Box, receiver: str, to: Box, sender: str) -> None:
    """What a controller does that leaves the broker to the box, again until the box has found one."""
    params = active(to, sender)
    leg = {name: params[name] for name in TOPICS}
    body = {"master_enable": True, "activation": {"mode": "activate_immediate"}, "transport_params": [leg]}
    path = f"/x-nmos/connection/v1.1/single/receivers/{endpoint(box, 'receivers', receiver)}/staged"
    eventually(lambda: box.patch(path, body).status == 200, "the broker to be found")


def test_a_button_here_lights_a_lamp_there_through_a_broker_that_dies(broker: Mosquitto, desk: Box, stage: Box) -> None:
    eventually(lambda: active(desk, "Button")["destination_host"] == "10.77.1.1", "the broker to be found")
    connect(stage, "lamp", desk, "Button")
    connect(stage, "level", desk, "Fader")
    eventually(lambda: heard(stage, "lamp") is False and heard(stage, "level") == 0, "the states of the desk")
    press(desk, "Button", True)
    press(desk, "Fader", 74.26)
    eventually(lambda: lit(stage) == {"tally", "loud"}, "the lamps")
    assert board(stage)["shown"] == ["on air", "level 74.3"]
    broker.kill()
    eventually(lambda: status(stage, "lamp")["phase"] == "fault", "the fault")
    assert lit(stage) == {"tally", "loud"}, "the last known state stays"
    press(desk, "Button", False)
    for value in range(100):
        press(desk, "Fader", value / 10)
    broker.start()
    eventually(lambda: lit(stage) == set(), "what was said meanwhile")
    eventually(lambda: heard(stage, "level") == 9.9, "the last that was said meanwhile")
    eventually(lambda: status(stage, "lamp")["phase"] == "running", "the receiver to be running")
    desk.kill()
    eventually(lambda: "not connected" in status(stage, "lamp")["detail"], "the will of a box that died")
    desk.start()
    eventually(lambda: status(stage, "lamp")["phase"] == "running", "the sender to be back")
    press(desk, "Button", True)
    eventually(lambda: lit(stage) == {"tally"}, "the lamp after the restart")
    assert desk.stop() == 0
    eventually(lambda: "not connected" in status(stage, "lamp")["detail"], "the goodbye of a box that stopped")
    assert stage.stop() == 0
