"""What the box's owner says of it: in the Node API, in the counters that peers follow, and there again after a kill."""

from tests.integration.conftest import StartBox
from tests.lan.network import Lan
from tests.lan.observer import Observer
from tests.lan.waiting import eventually
from tests.support.specs import problems

CONFIG = """
[media]
driver = "null"
[[node.services]]
href = "http://{host}:9090/"
type = "urn:x-maker:service:status"
[[devices]]
name = "d"
[[receivers]]
name = "r"
device = "d"
tags = { room = ["7"] }
"""
SERVICE = {"href": "http://dish.example:9000/", "type": "urn:x-maker:service:dish", "authorization": False}
NODE, RECEIVERS = "/x-nmos/node/v1.3/self", "/x-nmos/node/v1.3/receivers"


def test_tags_and_services_are_told_to_all_and_kept(lan: Lan, start_box: StartBox) -> None:
    box = start_box(lan.host("box"), CONFIG)
    node, [receiver] = box.json(NODE), box.json(RECEIVERS)
    assert node["services"] == [
        {"href": f"http://{box.host.address()}:9090/", "type": "urn:x-maker:service:status", "authorization": False}
    ]

    def counters() -> list[str | None]:
        """Of the node itself and of its receivers, as others hear them."""
        return [service.txt.get(key) for service in observer.services().values() for key in ("ver_slf", "ver_rcv")]

    with Observer(lan.host("observer")) as observer:
        eventually(lambda: counters() == ["0", "0"], "the announcement")
        assert box.post("/panel/annotations", {"id": node["id"], "services": [SERVICE]}).status == 200
        answer = box.post("/panel/annotations", {"id": receiver["id"], "tags": {"room": [], "owner": ["Ada"]}})
        assert answer.status == 200, answer.body
        eventually(lambda: counters() == ["1", "1"], "both counters")
    refused = box.post("/panel/annotations", {"id": receiver["id"], "tags": {"owner": "Ada"}})
    assert (refused.status, refused.json()["error"][:12]) == (400, "tags.owner: ")
    edited, [shown] = box.json(NODE), box.json(RECEIVERS)
    assert edited["services"] == [SERVICE]
    assert shown["tags"] == {
        **{name: receiver["tags"][name] for name in receiver["tags"] if name != "room"},
        "owner": ["Ada"],
    }
    assert problems("is-04", "v1.3", "node", edited) == []
    assert box.restart().json(RECEIVERS) == [shown]
    assert box.json(NODE)["services"] == [SERVICE]
    box.post("/panel/annotations", {"id": node["id"], "services": None})
    assert box.json(NODE)["services"] == node["services"]
