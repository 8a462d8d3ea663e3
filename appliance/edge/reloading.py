"""A configuration that was changed while the box runs: read again, applied whole or refused whole."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Protocol

from appliance.config.difference import in_words, needs_restart
from appliance.config.model import Config
from appliance.edge.slices import in_thread
from appliance.errors import ConfigError, Conflict
from appliance.system import collector

log = logging.getLogger(__name__)

PROBLEM = "configuration"
_MOST_SHOWN = 3


class Faces(Protocol):
    """Who shows that the box runs with another configuration than its file says."""

    def set_problem(self, part: str, problem: str | None) -> None: ...


class Manager(Protocol):
    """The service manager, which waits."""

    def reloading(self) -> None: ...
    def reloaded(self) -> None: ...


class Reloading:
    """``load`` reads the configuration, in a thread; ``apply`` makes the box be as one says that can be followed live,
    a little at a time; ``renew`` reads what lies beside it (certificates), and says whether it is new. One
    reload after the other."""

    def __init__(
        self,
        config: Config,
        load: Callable[[], Config],
        apply: Callable[[Config], Awaitable[None]],
        faces: Faces,
        manager: Manager,
        renew: Callable[[], bool] = lambda: False,
    ) -> None:
        self._renew = renew
        self._config, self._load, self._apply, self._faces, self._manager = config, load, apply, faces, manager
        self._started = self._asked = self._known = False
        self._turn = asyncio.Lock()
        self._tasks: set[asyncio.Task[str]] = set()

    def start(self) -> None:
        """All parts run: what a signal asked for before is done now."""
        self._started = True
        if self._asked:
            self.on_signal()
        elif self._known:
            self.again()

    async def stop(self) -> None:
        """Between two steps; the next start takes the whole file."""
        self._started = False
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def reload(self) -> str:
        """What changed, in words; :class:`Conflict` where the configuration is refused and all is as it was. Whoever
        asks and goes away does not end it."""
        if not self._started:
            raise Conflict("the box is starting or stopping: ask again")
        task = self._begin(self._reload())
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled() and not self._started:
                raise Conflict("the box stops: it starts with what the file says then") from None
            raise
        finally:
            del task  # it has the refusal, whose traceback has this frame: a cycle (system/collector.py)

    def on_signal(self) -> None:
        """SIGHUP: nobody waits for an answer, the log and the panel have it."""
        self._asked = not self._started
        if self._started:
            self._begin(self._reload()).add_done_callback(_log_failure)

    def again(self) -> None:
        """What this host can do has become known: make of the same configuration what can be made."""
        self._known = True
        if self._started:
            self._begin(self._apply_again()).add_done_callback(_log_failure)

    def _begin(self, work: Coroutine[None, None, str]) -> asyncio.Task[str]:
        task = asyncio.get_running_loop().create_task(work, name="reload")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _apply_again(self) -> str:
        async with self._turn:
            with collector.resting():
                await self._apply(self._config)
        return ""

    async def _reload(self) -> str:
        async with self._turn:
            self._manager.reloading()
            try:
                with collector.resting():
                    return await self._follow()
            except ConfigError as refused:
                for key, reason in refused.problems:
                    log.error("configuration refused: %s", f"{key}: {reason}" if key else reason)
                self._faces.set_problem(PROBLEM, _in_short(refused))
                raise Conflict(f"the box goes on as it was, the configuration is refused:\n{refused.message}") from None
            finally:
                self._manager.reloaded()

    async def _follow(self) -> str:
        config, words = await in_thread(self._read)
        if self._renew():
            words = f"certificates renewed; configuration: {words}"
        if config != self._config:
            await self._apply(config)
            self._config = config
        self._faces.set_problem(PROBLEM, None)
        log.info("configuration read again: %s", words)
        return words

    def _read(self) -> tuple[Config, str]:
        """What the file says now, and in words what is different; :class:`ConfigError` where it cannot be had."""
        config = self._load()
        if problems := needs_restart(self._config, config):
            raise ConfigError(problems)
        return config, in_words(self._config, config)


def _log_failure(task: asyncio.Task[str]) -> None:
    """A refusal is in the log already."""
    if not task.cancelled() and (error := task.exception()) is not None and not isinstance(error, Conflict):
        log.error("the reload failed", exc_info=error)


def _in_short(refused: ConfigError) -> str:
    lines = refused.message.splitlines()
    more = f" (and {len(lines) - _MOST_SHOWN} more)" if len(lines) > _MOST_SHOWN else ""
    return f"the changed configuration was refused: {'; '.join(lines[:_MOST_SHOWN])}{more}"
