"""Two boxes on this host, to see the product: one sends two tones, the other's panel chooses what it plays.

``make run``, or ``python -m appliance.demo``: an ordinary user and a loopback interface are enough. In a terminal the
second box's panel comes up in it; elsewhere the menu is printed as it changes. Both boxes end with it.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

EXAMPLE_DIRS = (Path(__file__).parents[1] / "docs" / "examples", Path("/usr/share/doc/nmos-appliance/examples"))
START_LIMIT_S = 20.0
STOP_LIMIT_S = 6.0
_SOUND_CARDS = Path("/proc/asound/cards")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the demo until its panel is left or Ctrl-C; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m appliance.demo", description=__doc__.partition("\n")[0])
    parser.add_argument("--folder", type=Path, default=Path("build/demo"), help="for state, logs and recordings")
    parser.add_argument("--interface", default="lo", help="where the two boxes meet (default: lo, for nobody else)")
    parser.add_argument("--take", action="store_true", help="choose the first source as soon as it is there")
    arguments = parser.parse_args(argv)
    folder: Path = arguments.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        with ExitStack() as boxes:
            boxes.enter_context(_box("source", _example("demo-source.toml"), 8080, folder, arguments.interface))
            boxes.enter_context(_box("display", _display(folder), 8081, folder, arguments.interface))
            return _face("http://127.0.0.1:8081", take=arguments.take)
    except KeyboardInterrupt:
        return 0
    except _DemoError as error:
        print(error, file=sys.stderr)
        return 1


class _DemoError(Exception):
    """Why the demo cannot go on, for the person who started it."""


@contextmanager
def _box(name: str, config: Path, port: int, folder: Path, interface: str) -> Iterator[None]:
    """One box as a child process, up when entered, gone when left."""
    log = folder / f"{name}.log"
    command = [sys.executable, "-m", "appliance", "run", "--config", str(config), "--http-port", str(port)]
    command += ["--state-dir", str(folder / f"{name}-state"), "--interface", interface]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, process_group=0)
    try:
        _wait_until_it_answers(name, process, f"http://127.0.0.1:{port}/x-nmos/", log)
        print(f"{name}: http://127.0.0.1:{port}/ (log: {log})")
        yield
    finally:
        process.terminate()
        try:
            process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_it_answers(name: str, process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    until = time.monotonic() + START_LIMIT_S
    while time.monotonic() < until:
        if process.poll() is not None:
            raise _DemoError(f"{name} ended with {process.returncode}:\n{log.read_text(errors='replace')}")
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.05)
    raise _DemoError(f"{name} did not answer within {START_LIMIT_S:g} s; see {log}")


def _example(name: str) -> Path:
    for folder in EXAMPLE_DIRS:
        if (folder / name).exists():
            return folder / name
    raise _DemoError(f"{name} is in none of {', '.join(map(str, EXAMPLE_DIRS))}")


def _display(folder: Path) -> Path:
    """The display's configuration; without a sound card its speaker is a WAV file instead."""
    example = _example("demo-display.toml")
    if _has_sound_card():
        return example
    recording = folder / "foyer.wav"
    text = example.read_text(encoding="utf-8").replace(
        'output = { kind = "alsa" }', f'output = {{ kind = "file", path = "{recording}" }}'
    )
    adapted = folder / "demo-display.toml"
    adapted.write_text(text, encoding="utf-8")
    print(f"no sound card here: what the Foyer speaker plays goes to {recording}")
    return adapted


def _has_sound_card() -> bool:
    try:
        return "no soundcards" not in _SOUND_CARDS.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False


def _face(url: str, *, take: bool) -> int:
    """The panel in a terminal, else the menu as it changes."""
    appliance = [sys.executable, "-m", "appliance"]
    if shutil.which("gst-launch-1.0") is None:
        print("gst-launch-1.0 is not installed: streams are routed, but nothing can be heard")
    if take:
        _take_when_it_is_there([*appliance, "take", "--url", url, "Foyer speaker", "Stage left"])
    interactive = sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"
    command = [*appliance, "panel" if interactive else "watch", "--url", url]
    return subprocess.run(command, check=False).returncode


def _take_when_it_is_there(command: Sequence[str]) -> None:
    """The boxes need a second or two to find each other."""
    until = time.monotonic() + START_LIMIT_S
    while subprocess.run(command, check=False, stderr=subprocess.DEVNULL).returncode and time.monotonic() < until:
        time.sleep(0.2)


if __name__ == "__main__":
    raise SystemExit(main())
