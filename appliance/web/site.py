"""The routes of all the box's APIs, declared in one bottle application.

A path is declared once with what each method does there; from that follow HEAD, OPTIONS and CORS, the 405 with its
Allow header, and the trailing slash (GET and HEAD with and without it, other methods without: NMOS API rules). Handlers
are plain functions from :class:`Request` to :class:`Answer`. Bottle is called inside the event loop by the WSGI
bridge of the edge, which finds the answer as a value in the environ: status, headers and bytes are written only once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import bottle

from appliance.errors import ApplianceError, NotAllowed
from appliance.web.messages import Answer, Handler, Request, error_answer
from appliance.web.ready import ReadyAnswers
from appliance.web.wire import cors_headers

log = logging.getLogger(__name__)

ANSWER_KEY = "appliance.answer"
REQUEST_KEY = "appliance.request"


class Site:
    """All paths of the box. ``handle`` answers one request; ``ready`` has those answers that need no handler."""

    def __init__(self) -> None:
        self.bottle = bottle.Bottle()
        self.bottle.config["catchall"] = False
        del self.bottle.router  # bottle lets an attribute be set once
        self.bottle.router = _Router()
        self.ready = ReadyAnswers()
        self.bottle.error_handler.update({404: _not_found, 400: _bad_path, 500: _bad_path})

    def route(self, rule: str, only: Callable[[Request], bool] | None = None, **methods: Handler) -> None:
        """Declare a path: ``site.route("/x/<id>", get=show, patch=change)``; ``rule`` is bottle's, no last slash.

        Where ``only`` says no to a request, there is nothing at that path for it, by any method.
        """
        handlers = {method.upper(): handler for method, handler in methods.items()}
        self.bottle.route(rule, "ANY", _dispatch(_Path(rule, handlers, only)))

    def warm_up(self) -> Iterator[None]:
        """Make ready what the next request would wait for, where paths were declared since the last one."""
        self.bottle.router.compile_stale()
        yield


class _Router(bottle.Router):  # type: ignore[misc]  # bottle ships no types
    """Bottle's, but for two things. It puts all patterns into one anew for each path that is declared, which is most of
    what declaring costs (100 ms of the start): here that is done once, when a path is first looked for. And a path is
    found with a slash at its end too, without being declared twice: 185 paths, 0.3 MB."""

    def __init__(self) -> None:
        super().__init__()
        self._stale: set[str] = set()

    def _compile(self, method: str) -> None:
        self._stale.add(method)

    def compile_stale(self) -> None:
        while self._stale:
            super()._compile(self._stale.pop())

    def match(self, environ: Mapping[str, Any]) -> Any:
        self.compile_stale()
        path = environ["PATH_INFO"]
        if _has_slash(path):
            environ = {**environ, "PATH_INFO": path[:-1]}
        return super().match(environ)


class _Path:
    """What one declared path answers to any method."""

    def __init__(self, rule: str, handlers: Mapping[str, Handler], only: Callable[[Request], bool] | None) -> None:
        self._handlers = handlers
        self._only = only
        self._any_slash = rule.endswith(":path>")

    def __call__(self, request: Request) -> Any:
        handlers = self._handlers
        if _has_slash(request.path) and not self._any_slash:  # there it can only be read
            handlers = {method: handler for method, handler in handlers.items() if method == "GET"}
        if not handlers or (self._only is not None and not self._only(request)):
            return _nothing_at(request.path)
        handler = handlers.get("GET" if request.method == "HEAD" else request.method)
        if handler is not None:
            return handler(request)
        allow = [*handlers, *(["HEAD"] if "GET" in handlers else []), "OPTIONS"]
        if request.method == "OPTIONS":
            return _options(request, ", ".join(allow))
        raise NotAllowed(f"{request.method} is not allowed at {request.path}", allow=allow)


def _options(request: Request, allow: str) -> Answer:
    headers = {"Allow": allow}
    if cors_headers(request.path):
        asked = request.headers.get("access-control-request-headers")
        headers |= {
            "Access-Control-Allow-Methods": allow,
            "Access-Control-Allow-Headers": asked or "Content-Type, Accept, Authorization",
            "Access-Control-Max-Age": "3600",
        }
    return Answer(b"", headers=headers)


def answer_error(error: ApplianceError) -> Answer:
    """The one translation of the error tree into HTTP."""
    return replace(error_answer(error.status, error.message, error.debug), headers=error.headers)


def _has_slash(path: str) -> bool:
    """Whether it is another path with a slash at the end."""
    return len(path) > 2 and path.endswith("/")


def _dispatch(path: _Path) -> Callable[..., bytes]:
    """Bottle's callback: hand the request over, leave the answer (or what will become one) in the environ."""

    def callback(**params: str) -> bytes:
        environ = bottle.request.environ
        given: Request = environ[REQUEST_KEY]
        request = replace(given, params=params)
        try:
            environ[ANSWER_KEY] = path(request)
        except ApplianceError as error:
            environ[ANSWER_KEY] = answer_error(error)
        return b""

    return callback


def _not_found(_error: bottle.HTTPError) -> bytes:
    bottle.request.environ[ANSWER_KEY] = _nothing_at(bottle.request.environ[REQUEST_KEY].path)
    return b""


def _nothing_at(path: str) -> Answer:
    return error_answer(404, f"there is nothing at {path[:200]}")


def _bad_path(_error: bottle.HTTPError) -> bytes:
    bottle.request.environ[ANSWER_KEY] = error_answer(400, "the path is not valid")
    return b""
