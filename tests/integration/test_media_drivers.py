"""A box on a host that lacks something of GStreamer: it says so, and offers nobody what it cannot do."""

from pathlib import Path

from tests.lan.box import Box
from tests.lan.network import Lan
from tests.lan.waiting import eventually

CONFIG = """
[media]
gst_launch = "{folder}/gst-launch-x"

[[devices]]
name = "d"

[[receivers]]
name = "wall"
label = "Wall"
device = "d"
format = "video"
media_types = ["video/H264", "video/raw"]
output = {{ kind = "display" }}

[[receivers]]
name = "stream"
label = "Stream"
device = "d"
format = "video"
media_types = ["video/H264"]
output = {{ kind = "display" }}
"""


def test_what_this_host_lacks_is_said_and_not_offered(lan: Lan, tmp_path: Path) -> None:
    for name, script in (("gst-launch-x", "exit 1"), ("gst-inspect-x", "echo 'rtp:  rtph264depay: H264 depayloader'")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        (tmp_path / name).chmod(0o755)

    def offered() -> dict[str, list[str]]:
        receivers = box.get("/x-nmos/node/v1.3/receivers").json()
        return {receiver["label"]: receiver["caps"]["media_types"] for receiver in receivers}

    with Box(lan.isolated("host"), tmp_path / "box", CONFIG.format(folder=tmp_path)) as box:
        eventually(lambda: offered()["Wall"] == ["video/raw"], "the capabilities of this host")
        assert offered()["Stream"] == ["video/H264"], "a receiver has to say something"
        log = box.log_file.read_text(encoding="utf-8")
        for label in ("Wall", "Stream"):
            assert f"{label}: no video/H264: to show H.264 needs v4l2h264dec or avdec_h264 or openh264dec" in log
        wall = box.get("/x-nmos/node/v1.3/receivers").json()[0]
        sets = wall["caps"]["constraint_sets"]
        assert all(one["urn:x-nmos:cap:format:media_type"] == {"enum": ["video/raw"]} for one in sets)
        assert box.reload(CONFIG.format(folder=tmp_path)).status == 200
        assert offered()["Wall"] == ["video/raw"], "also after a reload"
