"""A real broker on loopback, with or without TLS and a password, that can be killed and started again."""

import contextlib
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.lan.namespace import kill
from tests.lan.network import Host
from tests.lan.waiting import eventually

PROGRAM = "/usr/sbin/mosquitto"
USER, PASSWORD = "stage", "left & right"


class Mosquitto:
    """``secure``: TLS, a certificate for 127.0.0.1 by the authority in ``ca_file``, and a password. On a ``host`` of
    a LAN it listens on all addresses, at the usual port."""

    def __init__(self, folder: Path, *, secure: bool = False, host: Host | None = None) -> None:
        self._host = host
        self.port = _free_port() if host is None else 1883
        self.ca_file = str(folder / "ca.pem")
        self._log = folder / "mosquitto.log"
        self._file = folder / "mosquitto.conf"
        folder.mkdir(exist_ok=True)
        lines = [
            f"listener {self.port} {'127.0.0.1' if host is None else '0.0.0.0'}",
            "user root",
            "persistence false",
            "log_type all",
        ]
        if secure:
            _certificates(folder)
            passwords = folder / "passwords"
            passwords.touch(0o600)
            _run("mosquitto_passwd", "-b", str(passwords), USER, PASSWORD)
            lines += [
                "allow_anonymous false",
                f"password_file {passwords}",
                f"certfile {folder / 'broker.pem'}",
                f"keyfile {folder / 'broker.key'}",
            ]
        else:
            lines.append("allow_anonymous true")
        self._file.write_text("\n".join(lines) + "\n")
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        command = [PROGRAM, "-c", str(self._file)]
        if self._host is not None:
            self._process = self._host.popen(command, log=self._log)
        else:
            with self._log.open("a") as log:
                self._process = subprocess.Popen(command, stdout=log, stderr=log, text=True, start_new_session=True)
        eventually(self._answers, "mosquitto to answer")

    def kill(self) -> None:
        """As a crash: nothing is kept."""
        if self._process is not None:
            kill(self._process)
            self._process = None

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def _answers(self) -> bool:
        def connect() -> bool:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return True
            return False

        return connect() if self._host is None else self._host.call(connect)


@contextmanager
def mosquitto(folder: Path, *, secure: bool = False) -> Iterator[Mosquitto]:
    broker = Mosquitto(folder, secure=secure)
    broker.start()
    try:
        yield broker
    finally:
        broker.kill()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _certificates(folder: Path) -> None:
    """An authority, and a certificate of 127.0.0.1 by it."""
    ca = ("-CA", str(folder / "ca.pem"), "-CAkey", str(folder / "ca.key"))
    for name, subject, more in (
        ("ca", "/CN=Test authority", ("-addext", "keyUsage=critical,keyCertSign,cRLSign")),
        (
            "broker",
            "/CN=broker",
            ("-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=CA:FALSE", *ca),
        ),
    ):
        _run(
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-days", "30", "-subj", subject, "-keyout", str(folder / f"{name}.key"),
            "-out", str(folder / f"{name}.pem"), *more,
        )  # fmt: skip


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
