"""The running box becomes what another configuration says: found out first, then done in short steps.

What is between two steps is whole: see :mod:`appliance.nmos.is04.renewal`. Labels that are to be restored, and a host
that changed meanwhile, wait for the end of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from appliance.config.model import Config
from appliance.core.ids import Identities
from appliance.core.store import Store
from appliance.core.types import Kind
from appliance.edge.extras import Extras
from appliance.edge.lookout import Lookout
from appliance.edge.media import Media
from appliance.edge.slices import in_thread, patiently
from appliance.nmos.is04 import renewal
from appliance.nmos.is04.build import Builder, Host, Unit
from appliance.nmos.is05.connections import Connections
from appliance.nmos.is05.endpoint import Endpoint
from appliance.panel.menu import MenuModel
from appliance.web.ready import ReadyAnswers

Offered = Callable[[Config], Config]


@dataclass(frozen=True, slots=True)
class Parts:
    """Those that follow. ``configured`` fills the tables that all look things up in."""

    store: Store
    identities: Identities
    connections: Connections
    media: Media
    extras: Extras
    lookout: Lookout
    menu: MenuModel
    ready: ReadyAnswers
    configured: Callable[[tuple[Endpoint, ...]], None]
    host: Callable[[], Host]


class Reconfiguring:
    """``midway``: some steps are done, and others not."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.midway = False

    async def follow(self, config: Config, offered: Offered, builder: Builder, now: Mapping[str, Endpoint]) -> Builder:
        """From what is there ``now`` to ``config``, of which this host can do what is ``offered``; what builds it."""
        ids = self._parts.identities
        plan = await in_thread(lambda: renewal.plan(builder, config, offered(config), ids, now))
        try:
            await patiently(self._steps(plan, config, now))
        finally:
            self.midway = False
        return plan.builder

    def _steps(self, plan: renewal.Plan, config: Config, now: Mapping[str, Endpoint]) -> Iterator[None]:
        parts, units = self._parts, list[Unit]()
        for found in renewal.different(plan, parts.store, parts.host(), now):
            units += found
            yield
        self.midway = True
        parts.extras.leave(config, plan.endpoints)
        for step in renewal.steps(plan, parts.store, units, now):
            self._do(step, plan, config)
            yield
        if (channels := parts.extras.mapped) is not None:
            channels.reconfigured()
            parts.ready.forget_all()
        for follow in (parts.media.reconfigured, parts.lookout.reconfigured, parts.connections.network_changed):
            follow()
            yield
        for id in tuple(parts.store.all(Kind.RECEIVER)):
            yield
            parts.menu.look_again((id,))

    def _do(self, step: renewal.Step, plan: renewal.Plan, config: Config) -> None:
        parts = self._parts
        parts.configured(step.endpoints)
        with parts.store.transaction("reload") as tx:
            renewal.write(plan, tx, step, parts.host())
            parts.connections.reconfigure(tx, step.endpoints)
            if step.complete and (channels := parts.extras.mapped) is not None:
                channels.reconfigure(tx, config)
        parts.media.drop()
