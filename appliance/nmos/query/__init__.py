"""IS-04's Query API, for controllers on this very box: the catalogue of all peers, as a registry would show it."""

BASE = "/x-nmos/query"
