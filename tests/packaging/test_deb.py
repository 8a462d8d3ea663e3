"""The life of the package on one machine: installed, cabled, killed, refused, reinstalled, purged, in this order."""

import json
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus

from tests.lan import http
from tests.lan.waiting import eventually
from tests.packaging.conftest import Installation
from tests.packaging.machine import CHECKOUT
from tests.packaging.readme import as_shown, status_shown

UNIT = "nmos-appliance.service"
CONFIG = "/etc/nmos-appliance/appliance.toml"
PYTHON = "/usr/lib/python3/dist-packages"
LIBRARY = f"{PYTHON}/appliance"
NODE = "/x-nmos/node/v1.3"
SENDERS = "/x-nmos/connection/v1.1/single/senders"
CAP_NET_BIND_SERVICE = 1 << 10
CAP_NET_RAW = 1 << 13  # given up when what needs it is open
CONFIG_REFUSED = 2
ANOTHER_RECEIVER = """
[[receivers]]
name = "booth"
device = "box"
label = "Booth"
driver = "null"
output = { kind = "none" }
""".replace("\n", "\\n")
EXPOSURE_LIMIT = 17  # tenths, of systemd-analyze


def test_it_starts_on_a_box_without_any_network(installation: Installation) -> None:
    assert installation.machine.says("systemctl", "is-active", UNIT) == "active"
    assert installation.machine.says("systemctl", "is-enabled", UNIT) == "enabled"
    assert installation.machine.unit_property(UNIT, "NRestarts") == "0"


def test_its_status_line_says_how_it_is_doing(installation: Installation) -> None:
    line = eventually(lambda: installation.machine.unit_property(UNIT, "StatusText"), "a status line")
    assert f'Status: "{line}"' in installation.machine.says("systemctl", "status", "--no-pager", "--full", UNIT)


def test_its_journal_has_priorities_and_fields(installation: Installation) -> None:
    entries = [
        json.loads(line)
        for line in installation.machine.says("journalctl", f"--unit={UNIT}", "--output=json").splitlines()
    ]
    started = next(entry for entry in entries if "answers at" in entry["MESSAGE"])
    assert (started["LOGGER"], started["PRIORITY"]) == ("appliance.app", "6")
    assert started["SYSLOG_IDENTIFIER"] == "nmos-appliance"


def test_its_unit_is_sound_and_shuts_it_in(installation: Installation) -> None:
    installation.machine.run("systemd-analyze", "verify", "--man=no", f"/usr/lib/systemd/system/{UNIT}")
    installation.machine.run("systemd-analyze", "security", f"--threshold={EXPOSURE_LIMIT}", UNIT)


def test_so_is_that_of_a_small_screen(installation: Installation) -> None:
    machine = installation.machine
    (unit,) = machine.run("sh", "-c", "ls /usr/lib/systemd/system/nmos-appliance-*.service").stdout.split()
    machine.run("systemd-analyze", "verify", "--man=no", unit.replace("@", "@main"))
    machine.run(
        "systemd-analyze", "security", f"--threshold={EXPOSURE_LIMIT}", unit.rpartition("/")[2].replace("@", "@main")
    )


def test_what_a_front_panel_is_made_of_is_for_groups_that_it_is_in(installation: Installation) -> None:
    """That udev does as it is told, the test of the image shows."""
    machine = installation.machine
    rules = machine.run("sh", "-c", "cat /usr/lib/udev/rules.d/*nmos-appliance.rules").stdout
    groups = set(re.findall(r'GROUP="(\w+)"', rules))
    assert {"gpio", "i2c", "spi"} == groups
    assert groups | {"audio", "video", "input"} <= set(
        machine.says("id", "--name", "--groups", "nmos-appliance").split()
    )


def test_where_var_begins_empty_its_state_has_a_place(installation: Installation) -> None:
    machine = installation.machine
    machine.run("systemctl", "stop", UNIT)
    machine.run("mv", "/var/lib/nmos-appliance", "/root/state")
    machine.run("systemd-tmpfiles", "--create")
    assert machine.says("stat", "--format=%U %G %a", "/var/lib/nmos-appliance") == "nmos-appliance nmos-appliance 750"
    machine.run("rmdir", "/var/lib/nmos-appliance")
    machine.run("mv", "/root/state", "/var/lib/nmos-appliance")
    machine.run("systemctl", "start", UNIT)


def test_it_has_no_rights_but_to_its_port(installation: Installation) -> None:
    status = _process_status(installation)
    for kept in ("CapEff", "CapPrm", "CapAmb"):
        assert int(status[kept], 16) == CAP_NET_BIND_SERVICE
    assert int(status["CapBnd"], 16) == CAP_NET_BIND_SERVICE | CAP_NET_RAW
    assert status["NoNewPrivs"] == "1"
    assert "0" not in status["Uid"].split()


def test_anybody_on_the_box_may_ask_how_it_is_doing(installation: Installation) -> None:
    nobody = ("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups")
    assert installation.machine.run(*nobody, "nmos-appliance", "status").stdout


def test_it_is_found_at_port_80_once_there_is_a_cable(installation: Installation) -> None:
    host = installation.host
    host.lan.plug(host, "eth0", "red")
    assert eventually(lambda: _node_id(installation), "the Node API at port 80") == _node_id(installation)


def test_systemctl_status_is_what_the_readme_shows(installation: Installation) -> None:
    shown = status_shown(CHECKOUT / "README.md")

    def said() -> bool:
        status = as_shown(installation.machine.says("systemctl", "status", "--no-pager", "--full", UNIT))
        assert status == shown
        return True

    eventually(said, "the status of a box with a cable")


def test_its_tone_leaves_the_box(installation: Installation) -> None:
    """The media processes run inside the unit's sandbox."""
    address, port = eventually(lambda: _destination(installation), "a sender that is on")
    with _listening(installation, address, port) as listener:
        rtp_header = listener.recv(2048)[:12]
    assert rtp_header[0] >> 6 == 2  # RTP version 2: RFC 3550 section 5.1


def test_a_monitor_can_watch_it(installation: Installation) -> None:
    base = f"http://{installation.host.address()}"
    assert http.request(installation.desk, "GET", f"{base}/healthz").status == HTTPStatus.OK
    metrics = http.request(installation.desk, "GET", f"{base}/metrics")
    assert metrics.status == HTTPStatus.OK, metrics.text
    assert 'nmos_appliance_streams{phase="running",role="sender"} 1.0' in metrics.text


def test_what_it_recommends_may_be_installed_later(installation: Installation) -> None:
    """GStreamer and the metrics' library are hidden, as if they were not installed, and come while it runs."""
    machine, base = installation.machine, f"http://{installation.host.address()}"
    hidden = {
        "/usr/bin/gst-launch-1.0": "/root/gst-launch-1.0",
        f"{PYTHON}/prometheus_client": "/root/prometheus_client",
    }
    for place, elsewhere in hidden.items():
        machine.run("mv", place, elsewhere)
    machine.run("systemctl", "restart", UNIT)

    def problems() -> list[str]:
        return list(http.request(installation.desk, "GET", f"{base}/healthz").json()["problems"])

    eventually(lambda: any("gst-launch-1.0 is not installed: apt install" in each for each in problems()), "advice")
    metrics = http.request(installation.desk, "GET", f"{base}/metrics")
    assert metrics.status == HTTPStatus.SERVICE_UNAVAILABLE
    assert "python3-prometheus-client" in metrics.text
    for place, elsewhere in hidden.items():
        machine.run("mv", elsewhere, place)
    eventually(lambda: problems() == [], "the stream by itself", patience_s=60)
    assert http.request(installation.desk, "GET", f"{base}/metrics").status == HTTPStatus.OK


def test_a_report_of_it_has_everything(installation: Installation) -> None:
    said = installation.machine.run("nmos-appliance", "report", "/root/report.tar.gz").stdout
    assert "not in it" not in said
    members = installation.machine.says("tar", "--list", "--file=/root/report.tar.gz")
    log = next(line for line in members.splitlines() if line.endswith("/log.txt"))
    assert "answers at" in installation.machine.says(
        "tar", "--extract", "--to-stdout", "--file=/root/report.tar.gz", log
    )


def test_a_restored_backup_is_the_services_own(installation: Installation) -> None:
    machine, node_id = installation.machine, eventually(lambda: _node_id(installation), "the Node API")
    machine.run("nmos-appliance", "backup", "/root/box.backup")
    refused = machine.run("nmos-appliance", "restore", "/root/box.backup", check=False)
    assert "systemctl stop nmos-appliance" in refused.stderr
    machine.run("systemctl", "stop", UNIT)
    machine.run("rm", "/var/lib/nmos-appliance/identity", "/var/lib/nmos-appliance/state.journal")
    machine.run("nmos-appliance", "restore", "/root/box.backup")
    machine.run("systemctl", "start", UNIT)
    assert eventually(lambda: _node_id(installation), "the Node API") == node_id
    assert not machine.says("find", "/var/lib/nmos-appliance", "!", "-user", "nmos-appliance")
    assert not machine.says("find", "/var/lib/nmos-appliance", "-name", "*.bad-*")


def test_it_comes_back_as_the_same_node_when_it_is_killed(installation: Installation) -> None:
    before, node_id = _main_pid(installation), _node_id(installation)
    installation.machine.run("systemctl", "kill", "--kill-whom=main", "--signal=KILL", UNIT)
    eventually(lambda: _main_pid(installation) not in ("0", before), "another process")
    assert eventually(lambda: _node_id(installation), "the Node API") == node_id


def test_it_is_replaced_when_it_hangs(installation: Installation) -> None:
    state = partial(installation.machine.unit_property, UNIT, "ActiveState")
    eventually(lambda: state() == "active", "the watch over it")  # it answers a little before
    before = _main_pid(installation)
    installation.machine.run("systemctl", "kill", "--kill-whom=main", "--signal=STOP", UNIT)
    eventually(lambda: _main_pid(installation) not in ("0", before), "another process", patience_s=60)
    assert eventually(lambda: _node_id(installation), "the Node API")


def test_it_stops_in_order_and_leaves_no_process(installation: Installation) -> None:
    machine = installation.machine
    its_processes = ("find", "/proc", "-ignore_readdir_race", "-maxdepth", "1", "-user", "nmos-appliance")
    assert machine.run(*its_processes).stdout
    machine.run("systemctl", "stop", UNIT)
    assert machine.unit_property(UNIT, "Result") == "success"
    assert machine.unit_property(UNIT, "ExecMainStatus") == "0"
    assert not machine.run(*its_processes).stdout
    machine.run("systemctl", "start", UNIT)


def test_a_reload_takes_what_was_changed_and_plays_on(installation: Installation) -> None:
    machine = installation.machine
    main_pid, media = _main_pid(installation), _media_pids(installation)
    assert media
    machine.run("sh", "-c", f"cp {CONFIG} /root/good && printf '{ANOTHER_RECEIVER}' >>{CONFIG}")
    machine.run("systemctl", "reload", UNIT)
    assert "Booth" in machine.says("nmos-appliance", "receivers")
    assert (main_pid, media) == (_main_pid(installation), _media_pids(installation))
    assert machine.says("systemctl", "is-active", UNIT) == "active"


def test_a_reload_refuses_a_bad_configuration_and_the_old_one_goes_on(installation: Installation) -> None:
    machine = installation.machine
    main_pid, media = _main_pid(installation), _media_pids(installation)
    machine.run("sh", "-c", f"printf '\\n[pannel]\\n' >>{CONFIG}")
    refused = machine.run("systemctl", "reload", UNIT, check=False)
    assert refused.returncode
    assert machine.says("systemctl", "is-active", UNIT) == "active"
    status = machine.says("systemctl", "status", "--no-pager", "--full", "--lines=30", UNIT)
    assert "the changed configuration was refused" in status
    assert "pannel: there is no such key" in status
    assert "Booth" in machine.says("nmos-appliance", "receivers")
    machine.run("cp", "/root/good", CONFIG)
    machine.run("systemctl", "reload", UNIT)
    assert "Booth" not in machine.says("nmos-appliance", "receivers")
    assert (main_pid, media) == (_main_pid(installation), _media_pids(installation))


def test_a_bad_configuration_is_refused_once_and_named(installation: Installation) -> None:
    machine = installation.machine
    machine.run("sh", "-c", f"cp {CONFIG} /root/good && printf '[network]\\nhttp_prot = 80\\n' >{CONFIG}")
    machine.run("systemctl", "restart", UNIT, check=False)
    eventually(lambda: machine.says("systemctl", "is-active", UNIT) == "failed", "the service to give up")
    assert machine.unit_property(UNIT, "ExecMainStatus") == str(CONFIG_REFUSED)
    assert "http_prot" in machine.says("journalctl", f"--unit={UNIT}", "--no-pager", "--lines=20")
    machine.run("cp", "/root/good", CONFIG)
    machine.run("systemctl", "start", UNIT)


def test_it_is_the_same_node_after_it_was_removed_and_installed_again(installation: Installation) -> None:
    node_id = eventually(lambda: _node_id(installation), "the Node API")
    installation.machine.run("apt-get", "--quiet", "--yes", "remove", "nmos-appliance")
    assert installation.machine.says("systemctl", "is-active", UNIT) == "inactive"
    installation.machine.install(installation.package)
    assert eventually(lambda: _node_id(installation), "the Node API") == node_id


def test_purged_it_leaves_nothing(installation: Installation) -> None:
    machine = installation.machine
    machine.purge("nmos-appliance")
    for database in ("passwd", "group", "shadow"):
        assert not machine.says("getent", database, "nmos-appliance")
    folders = ("/var/lib/nmos-appliance", "/run/nmos-appliance", "/etc/nmos-appliance", LIBRARY)
    assert not [folder for folder in folders if not machine.run("test", "-e", folder, check=False).returncode]
    assert machine.says("systemctl", "show", "--property=LoadState", "--value", UNIT) == "not-found"


def _media_pids(installation: Installation) -> str:
    return installation.machine.says("sh", "-c", "grep -lx gst-launch-1.0 /proc/[0-9]*/comm")


def _main_pid(installation: Installation) -> str:
    return installation.machine.unit_property(UNIT, "MainPID")


def _process_status(installation: Installation) -> dict[str, str]:
    lines = installation.machine.run("cat", f"/proc/{_main_pid(installation)}/status").stdout.splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def _get(installation: Installation, path: str) -> object:
    """What the box says to somebody on the LAN, at port 80; an AssertionError while it says nothing."""
    try:
        answer = http.request(installation.desk, "GET", f"http://{installation.host.address()}{path}")
    except OSError as error:
        raise AssertionError(f"GET {path}: {error}") from None
    assert answer.status == HTTPStatus.OK, answer.text
    return json.loads(answer.body)


def _node_id(installation: Installation) -> str:
    node = _get(installation, f"{NODE}/self")
    assert isinstance(node, dict)
    return str(node["id"])


def _destination(installation: Installation) -> tuple[str, int] | None:
    """Where the first sender that is on sends to."""
    senders = _get(installation, SENDERS)
    assert isinstance(senders, list)
    for sender in senders:
        active = _get(installation, f"{SENDERS}/{sender}active")
        assert isinstance(active, dict)
        leg = active["transport_params"][0]
        if active["master_enable"] and leg["rtp_enabled"]:
            return leg["destination_ip"], leg["destination_port"]
    return None


@contextmanager
def _listening(installation: Installation, group: str, port: int) -> Iterator[socket.socket]:
    """A socket at the desk that is a member of the group."""
    desk = installation.desk
    with desk.open_socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.settimeout(20)
        listener.bind((group, port))
        membership = socket.inet_aton(group) + socket.inet_aton(desk.address())
        listener.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
        yield listener
