"""What the Query API cannot do, as its RAML wants it said."""

from __future__ import annotations

from appliance.errors import ApplianceError


class NotSupported(ApplianceError):
    """The query parameters are not supported (QueryAPI.raml: 501)."""

    status = 501


class TooMany(ApplianceError):
    """There is no room for more; later there may be."""

    status = 503
