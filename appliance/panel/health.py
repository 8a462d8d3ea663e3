"""The box in a few words: its mode, what is wrong with it, and why its menu is empty."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from appliance.discovery.world import NETWORK, SELF, PeerStatus
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
    """How much there is to choose from, and for how many."""

    sources: int
    lost: int
    receivers: int


def box_status(
    node: Named,
    feed: Feed,
    counts: Counts,
    troubled: Collection[ReceiverItem],
    sender_faults: Iterable[tuple[str, str]],
    peers: Mapping[str, PeerStatus],
    own: Collection[str] = (),
    traps: Iterable[tuple[str, str]] = (),
) -> BoxStatus:
    """All of the box's condition. ``troubled`` are the receivers with a fault, a lost source or no signal,
    ``sender_faults`` (label, what is wrong) of its own senders, ``peers`` by key, ``own`` what is wrong with the box
    itself, ``traps`` (label, what of the network may do harm)."""
    faults = [f"{label}: {detail}" for label, detail in sender_faults]
    faults += [f"{item.label}: {item.fault}" for item in troubled if item.fault]
    faults += own
    worries = [feed.obstacle] if feed.obstacle else []
    worries += [f"{item.label}: its source {item.shows} is lost" for item in troubled if item.lost_since is not None]
    worries += [
        f"{item.label}: nothing comes by {name}, only by the other leg" for item in troubled for name in item.silent
    ]
    worries += [f"{item.label}: no signal from {item.shows}" for item in troubled if _is_silent(item)]
    worries += [f"{label}: {trap}" if label else trap for label, trap in traps]
    health: Health = "fault" if faults else "warning" if worries else "ok"
    return BoxStatus(
        node=node,
        mode=feed.mode,
        feed=feed.source,
        health=health,
        problems=tuple([*faults, *worries][:MAX_PROBLEMS]),
        peers=len(peers) - (SELF in peers) - (NETWORK in peers),
        sources=counts.sources,
        lost=counts.lost,
        receivers=counts.receivers,
        empty="" if counts.sources else _why_empty(feed, [peer for key, peer in peers.items() if key != SELF]),
    )


def _is_silent(item: ReceiverItem) -> bool:
    """Nothing arrives, and nobody knows why."""
    return item.signal is False and not item.fault and item.lost_since is None


def _why_empty(feed: Feed, others: Collection[PeerStatus]) -> str:
    if feed.mode == "off":
        return "Discovery is switched off in the configuration (discovery.mode)"
    if feed.obstacle:
        return feed.obstacle
    if feed.mode == "starting":
        return "The box is starting"
    network = next((peer for peer in others if peer.key == NETWORK), None)
    if network is not None and network.lost_since is None:
        return f"The {clean(network.label)} lists no sender"
    others = [peer for peer in others if peer is not network]
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
