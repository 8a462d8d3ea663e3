"""``/panel/reload``: the configuration is read again, when a command on this very box asks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from appliance.errors import Forbidden
from appliance.panel.requests import check_origin
from appliance.web.messages import Answer, Request
from appliance.web.site import Site

PATH = "/panel/reload"


class ReloadApi:
    """The handler; ``declare`` puts it on a site. ``reload`` says what changed, or raises why nothing did."""

    def __init__(self, reload: Callable[[], Awaitable[str]]) -> None:
        self._reload = reload

    def declare(self, site: Site) -> None:
        site.route(PATH, post=self.post)

    async def post(self, request: Request) -> Answer:
        """``{"changed": "receiver booth added"}``; 409 with every reason where the configuration is refused."""
        check_origin(request)
        if not request.local:
            raise Forbidden("only the box itself reloads its configuration: `nmos-appliance reload` there")
        return Answer({"changed": await self._reload()}, headers={"Cache-Control": "no-store"})
