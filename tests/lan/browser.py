"""`Browser`: a headless Chromium on a host of the LAN, driven over a pipe by the DevTools protocol.

A pipe needs no port, no driver and no WebSocket, and reaches into a namespace like any other. Everything that the page
asks for, and everything it complains about, is written down.

    with Browser(host, tmp_path / "browser", log=host.lan.log("browser")) as browser:
        browser.open(box.url)
        browser.click("#off")
        assert browser.errors == []
"""

import base64
import json
import os
import select
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen
from typing import Any, Self, TypeVar

from tests.lan.namespace import kill
from tests.lan.network import Host
from tests.lan.waiting import PATIENCE_S, eventually

T = TypeVar("T")

PROGRAM = "chromium"
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--force-color-profile=srgb",
    "--hide-scrollbars",
    "--log-level=3",
    "--no-first-run",
    "--remote-debugging-pipe",
)
# Chromium reads commands from descriptor 3 and writes to 4; what Popen gives are 0 and 1.
_ON_ITS_DESCRIPTORS = ("sh", "-c", 'exec "$@" 3<&0 4>&1 0</dev/null 1>&2', "sh")
_KEYS = {"Enter": 13, "Escape": 27, "End": 35, "Home": 36, "ArrowUp": 38, "ArrowDown": 40, "Tab": 9}
_ALT = 1


@dataclass(frozen=True, slots=True)
class Size:
    width: int
    height: int
    mobile: bool = False


PHONE = Size(390, 844, mobile=True)
MONITOR = Size(1920, 1080)


class Browser:
    """One Chromium with one page. ``requests``: URLs in the order asked; ``received``: bytes of each answer's body."""

    def __init__(self, host: Host, folder: Path, *, size: Size = MONITOR, log: Path | None = None) -> None:
        self.requests: list[str] = []
        self.received: dict[str, int] = {}
        self.errors: list[str] = []
        self._urls: dict[str, str] = {}
        self._host, self._folder, self._size, self._log = host, folder, size, log
        self._process: Popen[str] | None = None
        self._session: str | None = None
        self._number = 0
        self._unread = b""

    def __enter__(self) -> Self:
        command = (*_ON_ITS_DESCRIPTORS, PROGRAM, *_FLAGS, f"--user-data-dir={self._folder}", "about:blank")
        self._process = self._host.popen(
            command, log=self._log, environment={"HOME": str(self._folder)}, interactive=True
        )
        self._folder.mkdir(parents=True, exist_ok=True)
        page = eventually(self._first_page, "Chromium's first page")
        self._session = self.call("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.resize(self._size)
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            kill(self._process)

    # ---- what a user does

    def open(self, url: str) -> None:
        """Go there; what was asked and complained about before is forgotten."""
        self.requests.clear()
        self.received.clear()
        self.errors.clear()
        self.call("Page.navigate", url=url)
        self.wait("document.readyState === 'complete'")

    def resize(self, size: Size) -> None:
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=size.width, height=size.height, deviceScaleFactor=1, mobile=size.mobile,
        )  # fmt: skip
        self.call("Emulation.setTouchEmulationEnabled", enabled=size.mobile)
        self.frames()

    def frames(self) -> None:
        """Let what the page puts off to the next frame be drawn."""
        self.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))")

    def prefer(self, **features: str) -> None:
        """CSS media features, with underscores for hyphens: ``prefer(prefers_color_scheme="dark")``."""
        listed = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
        self.call("Emulation.setEmulatedMedia", features=listed)

    def click(self, selector: str, text: str = "") -> None:
        """A real press in the middle of the element that matches and, if given, contains this text."""
        find = (
            f"[...document.querySelectorAll({json.dumps(selector)})]"
            f".find((found) => found.textContent.includes({json.dumps(text)}))?.getBoundingClientRect().toJSON()"
        )
        box = self._eventually(lambda: self.evaluate(find), f"{selector} {text!r}")
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def press(self, key: str, *, alt: bool = False) -> None:
        """One key by its name, or one character."""
        event: dict[str, Any] = {"key": key, "modifiers": _ALT if alt else 0}
        if key in _KEYS:
            event |= {"code": key, "windowsVirtualKeyCode": _KEYS[key]}
            event |= {"text": "\r"} if key == "Enter" else {}
        else:
            event |= {"text": key}
        self.call("Input.dispatchKeyEvent", type="keyDown" if "text" in event else "rawKeyDown", **event)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key)

    def type(self, text: str) -> None:
        for character in text:
            self.press(character)

    # ---- what a user sees

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression, awaited if it is a promise; AssertionError if it throws."""
        said = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in said, said["exceptionDetails"]
        return said["result"].get("value")

    def wait(self, expression: str, patience_s: float = PATIENCE_S) -> Any:
        """Its value once that is true."""
        return self._eventually(lambda: self.evaluate(expression), expression, patience_s)

    def text(self, selector: str) -> str:
        """The visible text of the first that matches; empty where none does."""
        return str(self.evaluate(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''"))

    def sees(self, text: str, selector: str = "body", patience_s: float = PATIENCE_S) -> None:
        self._eventually(lambda: text in self.text(selector), f"{text!r} in {selector}", patience_s)

    def screenshot(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))

    # ---- the protocol

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """One command; its result. AssertionError with Chromium's own words where it fails."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if self._session is not None:
            message["sessionId"] = self._session
        assert self._process is not None
        assert self._process.stdin is not None
        waiting = memoryview(json.dumps(message).encode() + b"\0")
        while waiting:
            waiting = waiting[os.write(self._process.stdin.fileno(), waiting) :]
        deadline = time.monotonic() + PATIENCE_S
        while True:
            said = self._next(deadline, method)
            if said.get("id") == message["id"]:
                assert "error" not in said, f"{method}: {said['error']}"
                return dict(said["result"])
            self._note(said)

    def _eventually(self, look: Callable[[], T], what: str, patience_s: float = PATIENCE_S) -> T:
        """What is waited for in vain is best understood with the page in view."""
        try:
            return eventually(look, what, patience_s)
        except AssertionError as error:
            asked, page = "\n".join(self.requests[-5:]), self.text("body")
            raise AssertionError(f"{error}\n{self.errors}\n{asked}\n{page[:3000]}") from None

    def _first_page(self) -> str | None:
        targets = self.call("Target.getTargets")["targetInfos"]
        return next((target["targetId"] for target in targets if target["type"] == "page"), None)

    def _next(self, deadline: float, method: str) -> dict[str, Any]:
        assert self._process is not None
        assert self._process.stdout is not None
        pipe = self._process.stdout.fileno()
        while b"\0" not in self._unread:
            ready, _, _ = select.select([pipe], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, f"Chromium did not answer {method} in time"
            more = os.read(pipe, 1 << 20)
            assert more, "Chromium is gone; its log says why"
            self._unread += more
        first, _, self._unread = self._unread.partition(b"\0")
        return dict(json.loads(first))

    def _note(self, event: dict[str, Any]) -> None:
        params = event.get("params", {})
        match event.get("method"):
            case "Network.requestWillBeSent":
                self.requests.append(params["request"]["url"])
                self._urls[params["requestId"]] = params["request"]["url"]
            case "Network.dataReceived":
                url = self._urls.get(params["requestId"], "")
                self.received[url] = self.received.get(url, 0) + params["dataLength"]
            case "Log.entryAdded" if params["entry"]["level"] in ("error", "warning"):
                self.errors.append(f"{params['entry']['text']} {params['entry'].get('url', '')}")
            case "Runtime.exceptionThrown":
                self.errors.append(json.dumps(params["exceptionDetails"])[:1000])
            case "Runtime.consoleAPICalled" if params["type"] in ("error", "warning", "assert"):
                self.errors.append(json.dumps(params["args"])[:1000])
