"""``explain``: what a receiver shows, by which interface and why, what else could be, what lies in the way, and
whether a sender would fit."""

from __future__ import annotations

from appliance.commands.client import Daemon
from appliance.commands.lookup import all_receivers, all_sources, resolve
from appliance.commands.output import print_json


def explain(daemon: Daemon, receiver: str, sender: str | None = None, *, as_json: bool) -> int:
    """Print it, and whether ``sender`` would fit; both are ids or labels."""
    asked = {"receiver": resolve(receiver, all_receivers(daemon), "receiver")["id"]}
    if sender is not None:
        asked["sender"] = resolve(sender, list(all_sources(daemon)), "source")["id"]
    body = daemon.get("/panel/explain", **asked)
    if as_json:
        print_json(body)
    else:
        print("\n".join(body["sentences"]))
    return 0
