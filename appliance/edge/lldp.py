"""The box's LLDP neighbours, from lldpd where it runs.

Strategy: one ``lldpcli watch`` is kept running, and whatever it prints means that something changed; then they are all
asked for anew, so that no event can be missed and none be misread. lldpd may be absent, refuse us, come and go: it is
looked for again, less and less often, and what it said is forgotten with it. docs/network.md says what rights it takes.
"""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import time
from collections.abc import Callable, Mapping
from functools import partial

from appliance.edge.process import Process
from appliance.network.lldp import Lldp, neighbours, own_chassis_id
from appliance.network.settling import Settling

log = logging.getLogger(__name__)

PROGRAM = "lldpcli"
ASK_AFTER_S = 0.3
"""Several changes at once are one."""
LOOK_AGAIN_FIRST_S, LOOK_AGAIN_LAST_S = 2.0, 60.0
_QUESTIONS = ("neighbors", "chassis")
_MAX_LINES = 20_000  # some sixty an interface

Listener = Callable[[], None]


class Neighbours:
    """What lldpd knows, followed live. ``environment`` is what its programs get to see."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._listener: Listener = lambda: None
        self._settling = Settling(Lldp())
        self._watch: Process | None = None
        self._asking: dict[str, Process] = {}
        self._answers: dict[str, str] = {}
        self._again = False
        self._said = ""
        self._look_again_s = LOOK_AGAIN_FIRST_S
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._stopped = False

    @property
    def seen(self) -> Lldp:
        return self._settling.value

    def start(self, listener: Listener) -> None:
        """Follow it on the running event loop; ``listener`` is called when `seen` became something else."""
        self._listener = listener
        self._look()

    async def stop(self) -> None:
        self._stopped = True
        for timer in self._timers.values():
            timer.cancel()
        running = [process for process in (self._watch, *self._asking.values()) if process is not None]
        for process in running:
            process.kill()
        for process in running:
            await process.ended()

    def _look(self) -> None:
        program = shutil.which(PROGRAM, path=self._environment.get("PATH", ""))
        if program is None:
            self._later("look", LOOK_AGAIN_LAST_S, self._look)
            return
        try:
            self._watch = self._run((program, "-f", "json0", "watch"), lambda _: self._ask_soon(), self._watch_ended)
        except OSError as error:
            self._gone(f"{program} cannot be started: {error.strerror or error}")
            return
        self._ask_soon()

    def _watch_ended(self, code: int, last_lines: tuple[str, ...]) -> None:
        self._watch = None
        # lldpcli begins what it says with the time: "2026-01-01T00:00:00 [WARN/control] unable to connect ..."
        self._gone(last_lines[-1].rpartition("] ")[2] if last_lines else f"{PROGRAM} ended with {code}")

    def _gone(self, why: str) -> None:
        if self._stopped:
            return
        if why != self._said:
            log.info("no LLDP neighbours: %s", why)
            self._said = why
        self._tell(Lldp())
        self._later("look", self._look_again_s, self._look)
        self._look_again_s = min(2 * self._look_again_s, LOOK_AGAIN_LAST_S)

    def _ask_soon(self) -> None:
        if self._asking:
            self._again = True
        elif "ask" not in self._timers:
            self._later("ask", ASK_AFTER_S, self._ask)

    def _ask(self) -> None:
        program = shutil.which(PROGRAM, path=self._environment.get("PATH", ""))
        if program is None or self._watch is None:
            return
        self._again, self._answers = False, {}
        for question in _QUESTIONS:
            lines: list[str] = []
            argv, done = (program, "-f", "json0", "show", question), partial(self._answered, question, lines)
            try:
                self._asking[question] = self._run(argv, partial(_collect, lines), done)
            except OSError as error:
                log.warning("%s cannot be started: %s", program, error.strerror or error)
                return

    def _answered(self, question: str, lines: list[str], code: int, _last_lines: tuple[str, ...]) -> None:
        del self._asking[question]
        if code == 0:
            self._answers[question] = "\n".join(lines)
        if self._asking or self._stopped:
            return
        if self._watch is not None and self._answers.keys() == set(_QUESTIONS):
            self._said, self._look_again_s = "", LOOK_AGAIN_FIRST_S
            self._tell(Lldp(neighbours(self._answers["neighbors"]), own_chassis_id(self._answers["chassis"])))
        if self._again:
            self._ask_soon()

    def _tell(self, now_seen: Lldp) -> None:
        if self._settling.offer(now_seen, time.monotonic()):
            self._told()
        self._settle_later()

    def _settle(self) -> None:
        if self._settling.tick(time.monotonic()):
            self._told()
        self._settle_later()

    def _settle_later(self) -> None:
        if (due := self._settling.due()) is not None:
            self._later("settle", max(0.0, due - time.monotonic()), self._settle)

    def _told(self) -> None:
        found = [f"{name}: {n.name or n.chassis_id} {n.port_id}" for name, n in self.seen.neighbours.items()]
        log.info("LLDP neighbours: %s", ", ".join(found) or "none")
        self._listener()

    def _later(self, what: str, wait_s: float, call: Callable[[], None]) -> None:
        def due() -> None:
            del self._timers[what]
            call()

        if what in self._timers:
            self._timers[what].cancel()
        if not self._stopped:
            self._timers[what] = asyncio.get_running_loop().call_later(wait_s, due)

    def _run(
        self, argv: tuple[str, ...], on_line: Callable[[str], None], on_exit: Callable[[int, tuple[str, ...]], None]
    ) -> Process:
        whole = (*_with_no_new_rights(self._environment), *argv)
        return Process(whole, on_line=on_line, on_exit=on_exit, environment=self._environment)


def _with_no_new_rights(environment: Mapping[str, str]) -> tuple[str, ...]:
    """lldpcli is set-user-ID: to run it as another user, as root would, makes the kernel forget that it is to end with
    us (prctl(2), PR_SET_PDEATHSIG). The service has no such rights to begin with."""
    setpriv = shutil.which("setpriv", path=environment.get("PATH", "")) if os.geteuid() == 0 else None
    return (setpriv, "--no-new-privs", "--") if setpriv else ()


def _collect(lines: list[str], line: str) -> None:
    if len(lines) < _MAX_LINES:
        lines.append(line)
