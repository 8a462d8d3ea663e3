"""``explain``: what a receiver shows, by which interface and why, what else could be, and what lies in the way."""

from __future__ import annotations

from appliance.commands.client import Daemon
from appliance.commands.lookup import all_receivers, resolve
from appliance.commands.output import print_json


def explain(daemon: Daemon, receiver: str, *, as_json: bool) -> int:
    """Print it; ``receiver`` is an id or a label."""
    chosen = resolve(receiver, all_receivers(daemon), "receiver")
    body = daemon.get("/panel/explain", receiver=chosen["id"])
    if as_json:
        print_json(body)
    else:
        print("\n".join(body["sentences"]))
    return 0
