"""A re-activation of the same parameters on the wire: the switch hears a leave and a join (IS-05 Behaviour)."""

from typing import Any

from tests.integration.conftest import StartBox
from tests.lan.box import CHECKOUT
from tests.lan.capture import Capture
from tests.lan.network import Lan
from tests.lan.waiting import eventually

CONFIG = (CHECKOUT / "docs" / "examples" / "everything.toml").read_text(encoding="utf-8")
RECEIVERS = "/x-nmos/connection/v1.1/single/receivers"
GROUP = "239.1.2.3"
IMMEDIATE = {"activation": {"mode": "activate_immediate"}}


def test_leave_and_join_with_each_activation(lan: Lan, start_box: StartBox) -> None:
    host = lan.host("box")
    box = start_box(host, CONFIG)
    labels = {body["id"]: body["label"] for body in box.json("/x-nmos/node/v1.3/receivers")}
    receiver = next(id for id, label in labels.items() if label == "Speaker")

    def activate(body: dict[str, Any]) -> None:
        assert box.patch(f"{RECEIVERS}/{receiver}/staged", body | IMMEDIATE).status == 200
        assert (GROUP in host.memberships("eth0")) is body.get("master_enable", True)

    version = box.json(f"/x-nmos/node/v1.3/receivers/{receiver}")["version"]
    with Capture(host) as capture:
        activate({"master_enable": True, "transport_params": [{"multicast_ip": GROUP}]})
        capture.wait_for_join(GROUP)
        assert capture.leaves(GROUP) == []
        activate({})
        left = capture.wait_for_leave(GROUP)
        eventually(lambda: any(join.at > left.at for join in capture.joins(GROUP)), "a join after the leave")
    assert box.json(f"/x-nmos/node/v1.3/receivers/{receiver}")["version"] > version
    activate({"master_enable": False})
