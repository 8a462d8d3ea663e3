"""From what is known to what is shown: a sender entry becomes a source, a receiver resource with its connection and
stream becomes a receiver. Nothing of a stranger's text gets past here unclean."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any

from appliance.core.store import ResourceChange
from appliance.core.tai import format_tai, parse_tai
from appliance.core.types import JSON
from appliance.discovery.world import SenderEntry
from appliance.errors import BadRequest
from appliance.media.engine import StreamStatus
from appliance.nmos.caps.stream import FORMAT_PREFIX
from appliance.nmos.caps.words import summary
from appliance.panel.fit import stream_of
from appliance.panel.items import Named, Pending, ReceiverItem, SourceItem
from appliance.panel.text import MAX_SENTENCE, clean

GROUP_HINT = "urn:x-nmos:tag:grouphint/v1.0"
MAX_TAGS = 16
_SDP_NAMELESS = ("", "-")

LabelOf = Callable[[str], str | None]


def source_item(entry: SenderEntry, current_on: tuple[str, ...], pending_on: tuple[str, ...]) -> SourceItem:
    """A sender as the menu shows it. What has no label is called by the beginning of its id."""
    stream = stream_of(entry)
    return SourceItem(
        id=entry.id,
        label=label_of(entry.sender),
        device=_named(entry.device),
        node=_named(entry.node),
        description=clean(entry.sender.get("description"), MAX_SENTENCE),
        group=_group_of(entry.sender),
        format=clean(stream.format, 40),
        media_type=clean(stream.media_type, 60),
        detail=clean(summary(stream), 60),
        transport=clean(stream.transport, 40),
        sending=_sending(entry),
        lost_since=entry.lost_since,
        confirmed=entry.confirmed,
        current_on=current_on,
        pending_on=pending_on,
        tags=_tags_of(entry.sender),
    )


def remembered(item: SourceItem) -> JSON:
    """What is kept of a favourite, for when it is not there."""
    named = {"device": item.device.to_json(), "node": item.node.to_json()}
    left = format_tai(item.lost_since) if item.absent and item.lost_since is not None else None
    return {"label": item.label, **named, "format": item.format, "detail": item.detail, "left": left}


def absent_item(
    id: str, kept: Mapping[str, Any], current_on: tuple[str, ...], pending_on: tuple[str, ...]
) -> SourceItem:
    """A favourite that is not on the network. ``kept`` by an older version has the label alone."""
    left = kept.get("left")
    device, node = (Named.from_json(kept.get(key) or {"id": "", "label": ""}) for key in ("device", "node"))
    return SourceItem(
        id=id,
        label=kept["label"],
        device=device,
        node=node,
        format=kept.get("format", ""),
        detail=kept.get("detail", ""),
        lost_since=None if left is None else parse_tai(left),
        confirmed=False,
        current_on=current_on,
        pending_on=pending_on,
        absent=True,
    )


def receiver_item(
    receiver: JSON,
    device: JSON | None,
    connection: Mapping[str, Any],
    stream: StreamStatus,
    pending: Pending | None,
    source: SourceItem | None,
    lost_since: int | None,
    traps: tuple[str, ...] = (),
) -> ReceiverItem:
    """A receiver of this box. ``source`` is the one it shows, as last seen; ``lost_since`` since when it is lost;
    ``traps`` what of the network may keep it from working."""
    active: Mapping[str, Any] = connection.get("active") or {}
    enabled = active.get("master_enable") is True
    return ReceiverItem(
        id=receiver["id"],
        label=label_of(receiver),
        device=_named(device),
        description=clean(receiver.get("description"), MAX_SENTENCE),
        format=str(receiver["format"]).removeprefix(FORMAT_PREFIX),
        media_types=tuple(receiver.get("caps", {}).get("media_types", ())),
        enabled=enabled,
        sender_id=active.get("sender_id") if enabled else None,
        shows=_shows(active, source) if enabled else "",
        lost_since=lost_since if enabled else None,
        pending=pending,
        phase=stream.phase,
        fault=clean(stream.detail or connection.get("fault"), MAX_SENTENCE),
        restarts=stream.restarts,
        signal=stream.signal,
        silent=stream.silent,
        last_error=clean(stream.last_error, MAX_SENTENCE),
        why=(*(connection.get("reason") or ()), *(f"trap: {trap}" for trap in traps if enabled)),
    )


def scheduled(connection: Mapping[str, Any], label_of_sender: LabelOf) -> Pending | None:
    """The activation that a controller has scheduled, if there is one (IS-05, ``activate_scheduled_*``)."""
    activation = connection.get("pending")
    if not activation:
        return None
    staged = connection.get("staged") or {}
    wanted = staged.get("sender_id") if staged.get("master_enable") else None
    return pending_take(wanted, label_of_sender, _time(activation.get("activation_time")))


def pending_take(sender_id: str | None, label_of_sender: LabelOf, at: int | None = None) -> Pending:
    """What a receiver is about to show, in words."""
    label = "off" if sender_id is None else label_of_sender(sender_id) or short_id(sender_id)
    return Pending(sender_id, label, at)


def label_of(resource: Mapping[str, Any]) -> str:
    """The label, clean; the description, or the beginning of the id, where there is none."""
    return clean(resource.get("label")) or clean(resource.get("description")) or short_id(str(resource["id"]))


def is_relabelled(change: ResourceChange) -> bool:
    """Whether it is called something else now: all else that may change about a device is nothing to the menu."""
    if change.before is None or change.after is None:
        return True
    return label_of(change.before) != label_of(change.after)


def sources_of(item: ReceiverItem | None) -> set[str]:
    """The sources that a receiver shows or is changing to."""
    return set() if item is None else {id for id in (item.sender_id, wanted(item)) if id is not None}


def wanted(item: ReceiverItem) -> str | None:
    """The source that it is changing to."""
    return None if item.pending is None else item.pending.sender_id


def short_id(id: str) -> str:
    return clean(id[:8]) + "…"


def _named(resource: JSON | None) -> Named:
    return Named("", "") if resource is None else Named(str(resource["id"]), label_of(resource))


def _group_of(sender: JSON) -> str:
    """The name of the natural group of its first group hint, ``<group>:<role>`` (BCP-002-01)."""
    tags = sender.get("tags")
    hints = tags.get(GROUP_HINT) if isinstance(tags, dict) else None
    return clean(str(hints[0]).partition(":")[0]) if isinstance(hints, list) and hints else ""


def _tags_of(sender: JSON) -> tuple[str, ...]:
    """All but the group hint, which has a place of its own."""
    tags = sender.get("tags")
    if not isinstance(tags, dict) or not tags:
        return ()
    named = ((name, value) for name, values in tags.items() if name != GROUP_HINT and isinstance(values, list)
             for value in values)  # fmt: skip
    return tuple(clean(f"{name}={value}", MAX_SENTENCE) for name, value in islice(named, MAX_TAGS))


def _sending(entry: SenderEntry) -> bool | None:
    """``subscription.active``, which exists from v1.2 on."""
    subscription = entry.sender.get("subscription")
    active = subscription.get("active") if isinstance(subscription, dict) else None
    return active if isinstance(active, bool) else None


def _shows(active: Mapping[str, Any], source: SourceItem | None) -> str:
    """The source's label; else what its transport file calls the session; else where the stream comes from."""
    if source is not None:
        return source.label
    named = _session_name((active.get("transport_file") or {}).get("data"))
    if named:
        return named
    for leg in active.get("transport_params") or ():
        address = leg.get("multicast_ip") or leg.get("source_ip") or leg.get("interface_ip")
        if address:
            return f"a stream at {address}:{leg.get('destination_port')}"
    return "a source without a name"


def _session_name(sdp: str | None) -> str:
    """The ``s=`` line (RFC 8866, 5.3)."""
    for line in (sdp or "").splitlines()[:20]:
        if line.startswith("s=") and line[2:].strip() not in _SDP_NAMELESS:
            return clean(line[2:])
    return ""


def _time(text: Any) -> int | None:
    try:
        return parse_tai(text) if isinstance(text, str) else None
    except BadRequest:
        return None
