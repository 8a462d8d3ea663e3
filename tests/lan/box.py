"""`Box`: the appliance under test, run on a host of the LAN as its package would run it, and asked over HTTP."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Self

from tests.lan import http
from tests.lan.http import Answer
from tests.lan.namespace import kill
from tests.lan.network import Host
from tests.lan.waiting import eventually

CHECKOUT = Path(__file__).parents[2]
LOOPBACK = "127.0.0.1"
STOP_LIMIT_S = 5.0  # the contract: SIGTERM, then exit within this time


class Box:
    """One appliance. `folder` keeps its config, its state and its log; the state outlives `stop` and `kill`.

        with Box(host, tmp_path / "box", CONFIG) as box:
            assert box.get("/x-nmos/node/v1.3/self").status == 200

    It is asked from its own host, over loopback; ask as somebody else with `other_host.get(box.url + path)`.
    """

    def __init__(
        self,
        host: Host,
        folder: Path,
        config: str | None = "",
        *,
        name: str = "box",
        port: int = 8080,
        interfaces: Iterable[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """`config` is TOML text; None starts the box without any config. Nothing runs until `start`."""
        self.host = host
        self.name = name
        self.port = port
        self.state_dir = folder / "state"
        self.log_file = host.lan.log(name)
        self._config = config
        self._config_file = folder / "appliance.toml"
        self._interfaces = tuple(interfaces)
        self._environment = dict(environment or {})
        self._process: subprocess.Popen[str] | None = None
        folder.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def url(self) -> str:
        """Where others reach it, by its first port."""
        return f"http://{self.host.address(next(iter(self.host.cables)))}:{self.port}"

    @property
    def pid(self) -> int:
        return self._running().pid

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def log(self) -> str:
        """All it has said on stdout and stderr, over every start."""
        return self.log_file.read_text(encoding="utf-8") if self.log_file.exists() else ""

    def start(self) -> Self:
        """Start it and wait until it answers."""
        self.launch()
        return self.ready()

    def ready(self) -> Self:
        """Wait until it answers, after a `launch`."""
        eventually(self._answers, f"{self.name} to answer GET /x-nmos/")
        return self

    def launch(self) -> None:
        """Start it without waiting: for a bench, or for a box that is expected to refuse."""
        if self.alive:
            raise RuntimeError(f"{self.name} runs already")
        self._process = self.host.popen(
            self.command(),
            log=self.log_file,
            folder=self._config_file.parent,
            environment={"PYTHONPATH": str(CHECKOUT), "PYTHONUNBUFFERED": "1", **self._environment},
        )

    def command(self) -> list[str]:
        """The command line it is started with."""
        command = [sys.executable, "-m", "appliance", "run"]
        if self._config is not None:
            self._config_file.write_text(self._config, encoding="utf-8")
            command += ["--config", str(self._config_file)]
        command += ["--http-port", str(self.port), "--state-dir", str(self.state_dir)]
        for interface in self._interfaces:
            command += ["--interface", interface]
        return command

    def stop(self) -> int:
        """SIGTERM, as systemd stops it: the exit code. AssertionError when it is not gone within the limit."""
        process = self._running()
        process.send_signal(signal.SIGTERM)
        try:
            return process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            kill(process)
            raise AssertionError(f"{self.name} still ran {STOP_LIMIT_S} s after SIGTERM") from None

    def kill(self) -> None:
        """SIGKILL: as if the power went. Does nothing to a box that is gone."""
        if self._process:
            kill(self._process)

    def exit_code(self) -> int:
        """Wait for a box that ends by itself, and return how."""
        process = self._running()
        return eventually(lambda: None if process.poll() is None else (process.returncode,), f"{self.name} to end")[0]

    def restart(self, config: str | None = None) -> Self:
        """Stop it if it runs, and start it again on the same state; with another config, if one is given."""
        if self.alive and (code := self.stop()):
            raise AssertionError(f"{self.name} ended with {code}")
        if config is not None:
            self._config = config
        return self.start()

    def write(self, config: str) -> None:
        """Change the configuration's file under the running box, which knows nothing of it until it is told."""
        self._config = config
        self._config_file.write_text(config, encoding="utf-8")

    def reload(self, config: str) -> Answer:
        """Change the configuration and have it read again."""
        self.write(config)
        return self.post("/panel/reload", {})

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        return self.raw("GET", path, headers=headers)

    def json(self, path: str) -> Any:
        """The JSON of a GET that must be answered with 200."""
        answer = self.get(path)
        assert answer.status == 200, f"GET {path}: {answer.status} {answer.body[:500]!r}"
        return answer.json()

    def json_of(self, paths: Sequence[str]) -> dict[str, Any]:
        """The JSON of GETs that must all be answered with 200, over one connection."""
        answers = http.get_all(self.host, self._loopback(""), paths)
        found = dict(zip(paths, answers, strict=True))
        assert not (other := {path: answer.status for path, answer in found.items() if answer.status != 200}), other
        return {path: answer.json() for path, answer in found.items()}

    def patch(self, path: str, body: object) -> Answer:
        return self._send("PATCH", path, body)

    def post(self, path: str, body: object) -> Answer:
        return self._send("POST", path, body)

    def put(self, path: str, body: object) -> Answer:
        return self._send("PUT", path, body)

    def raw(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Any request, the body and headers as they are given."""
        return http.request(self.host, method, self._loopback(path), body, headers)

    def stream(self, path: str) -> AbstractContextManager[Any]:
        """A GET whose answer is read line by line (an http.client.HTTPResponse): for streams of events."""
        return http.streaming(self.host, self._loopback(path))

    def _send(self, method: str, path: str, body: object) -> Answer:
        return self.raw(method, path, json.dumps(body).encode(), {"Content-Type": "application/json"})

    def _loopback(self, path: str) -> str:
        return f"http://{LOOPBACK}:{self.port}{path}"

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None:
            raise RuntimeError(f"{self.name} was not started")
        return self._process

    def _answers(self) -> bool:
        process = self._running()
        if process.poll() is not None:
            raise ChildProcessError(f"{self.name} ended with {process.returncode}:\n{self.log[-4000:]}")
        try:
            return self.get("/x-nmos/").status == 200
        except OSError:
            return False  # not listening yet
