"""A configuration that was changed while the box runs: read again, applied whole or refused whole."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from typing import Protocol

from appliance.config.difference import in_words, needs_restart
from appliance.config.model import Config
from appliance.errors import ConfigError, Conflict

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
    """``load`` reads the configuration; ``apply`` makes the box be as one says, given one that can be followed live."""

    def __init__(
        self,
        config: Config,
        load: Callable[[], Config],
        apply: Callable[[Config], None],
        faces: Faces,
        manager: Manager,
    ) -> None:
        self._config, self._load, self._apply, self._faces, self._manager = config, load, apply, faces, manager
        self._started = self._asked = False

    def start(self) -> None:
        """All parts run: what a signal asked for before is done now."""
        self._started = True
        if self._asked:
            self.on_signal()

    def stop(self) -> None:
        self._started = False

    def reload(self) -> str:
        """What changed, in words; :class:`Conflict` where the configuration is refused and all is as it was."""
        if not self._started:
            raise Conflict("the box is starting or stopping: ask again")
        self._manager.reloading()
        try:
            return self._reload()
        except ConfigError as refused:
            for key, reason in refused.problems:
                log.error("configuration refused: %s", f"{key}: {reason}" if key else reason)
            self._faces.set_problem(PROBLEM, _in_short(refused))
            raise Conflict(f"the box goes on as it was, the configuration is refused:\n{refused.message}") from None
        finally:
            self._manager.reloaded()

    def on_signal(self) -> None:
        """SIGHUP: nobody waits for an answer, the log and the panel have it."""
        self._asked = not self._started
        with contextlib.suppress(Conflict):
            self.reload()

    def _reload(self) -> str:
        config = self._load()
        if problems := needs_restart(self._config, config):
            raise ConfigError(problems)
        words = in_words(self._config, config)
        if config != self._config:
            self._apply(config)
            self._config = config
        self._faces.set_problem(PROBLEM, None)
        log.info("configuration read again: %s", words)
        return words


def _in_short(refused: ConfigError) -> str:
    lines = refused.message.splitlines()
    more = f" (and {len(lines) - _MOST_SHOWN} more)" if len(lines) > _MOST_SHOWN else ""
    return f"the changed configuration was refused: {'; '.join(lines[:_MOST_SHOWN])}{more}"
