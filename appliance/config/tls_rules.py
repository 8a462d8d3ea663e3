"""What [tls] must keep to; what is wrong with the files that it names, the edge says (edge/certificates.py)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from appliance.config.model import Config

_NAME = re.compile(r"([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.IGNORECASE)
_MAX_NAME = 253
_MOST_CERTIFICATES = 4
_MAX_HSTS_S = 10 * 31_536_000
_MAX_WARN_DAYS = 3650


def check_tls(config: Config) -> Iterator[tuple[str, str]]:
    tls = config.tls
    if tls is None:
        return
    if len(tls.certificates) > _MOST_CERTIFICATES:
        yield "tls.certificates", f"must be {_MOST_CERTIFICATES} files at most (one for each kind of key)"
    if tls.keys and len(tls.keys) != len(tls.certificates):
        yield "tls.keys", f"must be one file for each of the {len(tls.certificates)} certificates, or none"
    if tls.name is not None and not tls.certificates:
        yield "tls.name", "is never used without tls.certificates"
    if tls.name is not None and (len(tls.name) > _MAX_NAME or not _NAME.fullmatch(tls.name)):
        yield "tls.name", f'must be the name of a host such as "box.studio.example", not "{tls.name[:60]}"'
    if not 0 <= tls.hsts_s <= _MAX_HSTS_S:
        yield "tls.hsts_s", f"must be 0 to {_MAX_HSTS_S} (seconds), not {tls.hsts_s}"
    if not 0 <= tls.warn_days <= _MAX_WARN_DAYS:
        yield "tls.warn_days", f"must be 0 to {_MAX_WARN_DAYS}, not {tls.warn_days}"
