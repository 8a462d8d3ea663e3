"""aiohttp with less: above all without its client, which is half of it: the first answer needs none.

``import aiohttp.web`` runs the package first. That imports the client, which makes a TLS context with all CAs of the
world: 90 ms. So the package is made here without being run; what it has as modules is found all the same. The client
is loaded by :func:`load_client`, before the first ``import aiohttp`` that wants a name of the package itself.

Two small things beside it are for memory: its lists of callbacks are written in C++ and bring that library, 0.9 MB,
which buys us nothing; its types of files are all that the host knows, 0.4 MB, for a file server that we do not use.
"""

from __future__ import annotations

import contextlib
import importlib
import mimetypes
import os
import sys
from collections.abc import Iterator
from importlib.util import find_spec, module_from_spec

_NAME = "aiohttp"
_PARTS = ("cookiejar", "tracing", "client_reqrep", "connector", "client")
"""In an order in which none takes long."""
_CA_FILE = "SSL_CERT_FILE"
_NO_CPP = "FROZENLIST_NO_EXTENSIONS"


def without_client() -> None:
    """To be called before anything imports aiohttp."""
    spec = find_spec(_NAME)
    if _NAME in sys.modules or spec is None:
        return
    package = module_from_spec(spec)
    package.__dict__["__version__"] = ""  # which its modules want to tell as the server's name, and we do not
    sys.modules[_NAME] = package
    mimetypes.knownfiles.clear()
    with _environment(_NO_CPP, "1"):
        importlib.import_module("frozenlist")


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
        with _environment(_CA_FILE, os.devnull):
            importlib.import_module(f"{_NAME}.{part}")
        yield
    if not hasattr(package, "ClientSession"):
        spec.loader.exec_module(package)


@contextlib.contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    """For the one import within, unless it is set. No file of CAs: the context that aiohttp makes then finds a CA in
    OpenSSL's directory of them when it looks for one, instead of reading all of them: 70 ms and 2 MB."""
    if name in os.environ:
        yield
        return
    os.environ[name] = value
    try:
        yield
    finally:
        del os.environ[name]
