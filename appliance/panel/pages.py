"""The panel's page: ``/`` and the few files that it loads from ``/static/``.

They never change while the box runs, so each is answered once by its handler here and from then on as kept bytes, with
an ETag: a browser asks again, is told 304, and has the new page the moment the package is a new one. The headers
leave a page that was tricked into showing a stranger's markup nothing to do: no inline script or style, no other host.
"""

from __future__ import annotations

from collections.abc import Mapping

from appliance.web.messages import Answer, Handler, Request
from appliance.web.site import Site

INDEX = "index.html"
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; manifest-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
_CONTENT_TYPES = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "webmanifest": "application/manifest+json",
}
_HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_UNCHANGING = (("page", None),)
"""What the answers depend on: something that no commit ever touches."""


def declare_pages(site: Site, files: Mapping[str, bytes]) -> None:
    """Put these files (by name) on a site: ``index.html`` at ``/``, the others below ``/static/``."""
    for name, content in files.items():
        site.route("/" if name == INDEX else f"/static/{name}", get=_always(_answer(name, content)))


def _answer(name: str, content: bytes) -> Answer:
    """KeyError for a kind of file that is not known here."""
    kind = _CONTENT_TYPES[name.rpartition(".")[2]]
    return Answer(content, content_type=kind, headers=_HEADERS, depends=_UNCHANGING)


def _always(answer: Answer) -> Handler:
    def handler(_request: Request) -> Answer:
        return answer

    return handler
