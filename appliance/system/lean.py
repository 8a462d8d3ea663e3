"""aiohttp without its client, which is half of it: the first answer needs none, and a box alone fetches nothing.

``import aiohttp.web`` runs the package first. That imports the client, which makes a TLS context with all CAs of the
world: 90 ms. So the package is made here without being run; what it has as modules is found all the same. The client
is loaded by :func:`load_client`, before the first ``import aiohttp`` that wants a name of the package itself.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from collections.abc import Iterator
from importlib.util import find_spec, module_from_spec

_NAME = "aiohttp"
_PARTS = ("cookiejar", "tracing", "client_reqrep", "connector", "client")
"""In an order in which none takes long."""
_CA_FILE = "SSL_CERT_FILE"


def without_client() -> None:
    """To be called before anything imports aiohttp."""
    spec = find_spec(_NAME)
    if _NAME in sys.modules or spec is None:
        return
    package = module_from_spec(spec)
    package.__dict__["__version__"] = ""  # which its modules want to tell as the server's name, and we do not
    sys.modules[_NAME] = package


def load_client() -> None:
    """Make ``import aiohttp`` mean all of it."""
    for _ in loading_client():
        pass


def loading_client() -> Iterator[None]:
    """The same, a part a step."""
    package = sys.modules.get(_NAME)
    spec = package and package.__spec__
    if package is None or spec is None or spec.loader is None or hasattr(package, "ClientSession"):
        return
    for part in _PARTS:
        with _without_ca_file():
            importlib.import_module(f"{_NAME}.{part}")
        yield
    if not hasattr(package, "ClientSession"):
        spec.loader.exec_module(package)


@contextlib.contextmanager
def _without_ca_file() -> Iterator[None]:
    """The context that aiohttp makes then finds a CA in OpenSSL's directory of them when it looks for one, instead of
    reading all of them from one file: 70 ms and 2 MB."""
    if _CA_FILE in os.environ:
        yield
        return
    os.environ[_CA_FILE] = os.devnull
    try:
        yield
    finally:
        del os.environ[_CA_FILE]
