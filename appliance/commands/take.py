"""``take``: give a receiver of the box another source, or none."""

from __future__ import annotations

from appliance.commands.client import Daemon
from appliance.commands.lookup import all_receivers, all_sources, resolve
from appliance.commands.output import print_json


def take(daemon: Daemon, receiver: str, sender: str | None, *, as_json: bool) -> int:
    """An immediate activation. ``sender`` ``None``: off."""
    target = resolve(receiver, all_receivers(daemon), "receiver")
    source = None if sender is None else resolve(sender, list(all_sources(daemon, target["id"])), "source")
    answer = daemon.post(
        "/panel/take", {"receiver_id": target["id"], "sender_id": None if source is None else source["id"]}
    )
    if as_json:
        print_json(answer)
    else:
        print(f"{target['label']}: {'off' if source is None else source['label']}")
    return 0
