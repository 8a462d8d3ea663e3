"""``status``, ``sources`` and ``receivers``: what a box says about itself, as tables or as JSON."""

from __future__ import annotations

from appliance.commands.client import Daemon
from appliance.commands.lookup import all_receivers, all_sources, resolve
from appliance.commands.output import (
    fit_text,
    mode_line,
    print_json,
    receiver_state,
    source_state,
    table,
)
from appliance.core.tai import NS, parse_tai
from appliance.core.types import JSON
from appliance.panel.items import BoxStatus, Fit, ReceiverItem, SourceItem
from appliance.panel.text import span

NODES_SHOWN = 50
"""Of hundreds of other nodes ``status`` shows so many, those with an error first."""


def status(daemon: Daemon, *, as_json: bool) -> int:
    """How the box is doing; exit code 0 also where something is wrong with it, for it did answer."""
    body = daemon.get("/panel/status")
    receivers = all_receivers(daemon)
    nodes = daemon.get("/panel/peers", limit=NODES_SHOWN)
    streams = [stream for stream in daemon.get("/panel/streams")["streams"] if stream["phase"] != "idle"]
    if as_json:
        print_json({**body, "receivers": receivers, "streams": streams, "peers": nodes["peers"]})
        return 0
    box = BoxStatus.from_json(body["status"])
    now = parse_tai(body["now"])
    lost = f", {box.lost} of them lost" if box.lost else ""
    print(f"{box.node.label}  {daemon.url}")
    print(f"mode      {mode_line(box)}")
    print(f"health    {box.health}")
    for problem in box.problems:
        print(f"          {problem}")
    print(f"nodes     {box.peers}")
    print(f"sources   {box.sources}{lost}" + (f" - {box.empty}" if box.empty else ""))
    if receivers:
        print()
        print(_receiver_table([ReceiverItem.from_json(item) for item in receivers], now))
    if streams:
        print()
        print(_stream_table(streams))
    if nodes["peers"]:
        print()
        print(_node_table(nodes["peers"], now))
        if nodes["total"] > len(nodes["peers"]):
            print(f"and {nodes['total'] - len(nodes['peers'])} more")
    return 0


def receivers(daemon: Daemon, *, as_json: bool) -> int:
    """The receivers of the box and what they show."""
    body = daemon.get("/panel/receivers")
    if as_json:
        print_json(body["receivers"])
    elif not body["receivers"]:
        print("this box has no receivers")
    else:
        print(_receiver_table([ReceiverItem.from_json(item) for item in body["receivers"]], parse_tai(body["now"])))
    return 0


def sources(daemon: Daemon, *, receiver: str | None, as_json: bool) -> int:
    """All that can be chosen; with ``receiver``, whether it fits that one."""
    chosen = None if receiver is None else resolve(receiver, all_receivers(daemon), "receiver")
    found = list(all_sources(daemon, None if chosen is None else chosen["id"]))
    if as_json:
        print_json(found)
        return 0
    body = daemon.get("/panel/status")
    if not found:
        print(body["status"]["empty"] or "no sources")
        return 0
    heads = ["NODE", "DEVICE", "SOURCE", "FORMAT", "ID", "STATE"]
    rows = [_source_row(item, parse_tai(body["now"])) for item in found]
    print(table(heads, rows))
    return 0


def _source_row(body: JSON, now: int) -> list[str]:
    source = SourceItem.from_json(body)
    fit = body.get("fit")
    notes = [
        "current" if source.current_on else "",
        source_state(source, now),
        fit_text(Fit(**fit)) if fit else "",
    ]
    essence = " ".join(text for text in (source.format, source.detail) if text)
    return [
        source.node.label,
        source.device.label,
        source.label,
        essence,
        source.id,
        "; ".join(filter(None, notes)),
    ]


def _node_table(nodes: list[JSON], now: int) -> str:
    """The other nodes, those with an error first."""
    rows = [
        [
            node["label"] or node["name"],
            f"{next(iter(node['addresses']), '-')} port {node['port']}",
            node["api_version"] or "-",
            str(node["sources"]),
            _ago(node["last_fetch"], now) or "never",
            _node_state(node, now),
        ]
        for node in nodes
    ]
    return table(["NODE", "AT", "API", "SOURCES", "ASKED", "STATE"], rows)


def _node_state(node: JSON, now: int) -> str:
    lost = _ago(node["lost_since"], now)
    notes = (
        f"lost {lost}" if lost else "",
        "" if node["confirmed"] else "remembered, not yet seen",
        node["error"],
        f"{node['left_out']} of its resources cannot be used" if node["left_out"] else "",
    )
    return "; ".join(filter(None, notes)) or "ok"


def _ago(time: str | None, now: int) -> str:
    return "" if time is None else f"{span((now - parse_tai(time)) / NS)} ago"


def _receiver_table(items: list[ReceiverItem], now: int) -> str:
    rows = [[item.label, item.format, item.id, item.shows or "-", receiver_state(item, now)] for item in items]
    return table(["RECEIVER", "FORMAT", "ID", "SHOWS", "STATE"], rows)


def _stream_table(streams: list[JSON]) -> str:
    """What runs, or should: packets and losses of each leg, the highest level of all channels."""
    rows = [
        [
            stream["label"],
            stream["role"],
            "; ".join(f"{leg['interface'] or '-'} {leg['packets']:,}" for leg in stream["legs"]) or "-",
            "; ".join(f"{leg['lost']:,}" for leg in stream["legs"]) or "-",
            f"{max(stream['peak']):.0f} dB" if stream["peak"] else "-",
            _stream_state(stream),
        ]
        for stream in streams
    ]
    return table(["STREAM", "IS A", "PACKETS BY LEG", "LOST", "PEAK", "STATE"], rows)


def _stream_state(stream: JSON) -> str:
    notes = (
        "no signal" if stream["signal"] is False else "",
        stream["detail"] or (f"last error: {stream['last_error']}" if stream["last_error"] else ""),
        f"{stream['lost']:,} packets were silence" if stream["lost"] else "",
        f"{stream['refused']:,} packets are not what the SDP says" if stream["refused"] else "",
    )
    return "; ".join(filter(None, (stream["phase"], *notes)))
