"""The box in a few words: its mode, what is wrong with it, and why its menu is empty."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from appliance.discovery.world import SELF, PeerStatus
from appliance.panel.items import BoxStatus, Health, Named, ReceiverItem
from appliance.panel.text import clean

MAX_PROBLEMS = 20


@dataclass(frozen=True, slots=True)
class Feed:
    """What fills the menu just now. ``mode`` is one word or two ("peer-to-peer", "registered", "off", "starting"),
    ``source`` where the sources come from ("mDNS", a registry's URL), ``obstacle`` a sentence where nothing can come
    ("no media interface has a link")."""

    mode: str = "starting"
    source: str = ""
    obstacle: str = ""


@dataclass(frozen=True, slots=True)
class Counts:
    """How much there is to choose from."""

    sources: int
    lost: int


def box_status(
    node: Named,
    feed: Feed,
    counts: Counts,
    receivers: Collection[ReceiverItem],
    sender_faults: Iterable[tuple[str, str]],
    peers: Collection[PeerStatus],
) -> BoxStatus:
    """All of the box's condition; ``sender_faults`` are (label, what is wrong) of its own senders."""
    faults = [f"{label}: {detail}" for label, detail in sender_faults]
    faults += [f"{item.label}: {item.fault}" for item in receivers if item.fault]
    worries = [feed.obstacle] if feed.obstacle else []
    worries += [f"{item.label}: its source {item.shows} is lost" for item in receivers if item.lost_since is not None]
    health: Health = "fault" if faults else "warning" if worries else "ok"
    others = [peer for peer in peers if peer.key != SELF]
    return BoxStatus(
        node=node,
        mode=feed.mode,
        feed=feed.source,
        health=health,
        problems=tuple([*faults, *worries][:MAX_PROBLEMS]),
        peers=len(others),
        sources=counts.sources,
        lost=counts.lost,
        receivers=len(receivers),
        empty="" if counts.sources else _why_empty(feed, others),
    )


def _why_empty(feed: Feed, others: Collection[PeerStatus]) -> str:
    if feed.mode == "off":
        return "Discovery is switched off in the configuration (discovery.mode)"
    if feed.obstacle:
        return feed.obstacle
    if feed.mode == "starting":
        return "The box is starting"
    if feed.mode == "registered" and not others:
        return "The registry lists no sender"
    if not others:
        return "No other NMOS node has been found on the network yet"
    failing = [peer for peer in others if peer.last_error]
    if failing:
        first = failing[0]
        found = "One node was found, but" if len(others) == 1 else f"{len(others)} nodes were found, but"
        return f"{found} {clean(first.label or first.name)}: {clean(first.last_error, 200)}"
    return (
        "One node was found, but it sends nothing"
        if len(others) == 1
        else (f"{len(others)} nodes were found, but none of them sends anything")
    )
