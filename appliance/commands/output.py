"""What the commands print: plain tables and phrases, readable without colour and in a pipe."""

from __future__ import annotations

import json
from collections.abc import Sequence

from appliance.core.tai import NS
from appliance.panel.items import BoxStatus, Fit, ReceiverItem, SourceItem
from appliance.panel.text import fitted, span, width


def print_json(value: object) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False))


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as what is in them, two blanks apart; the last one runs on."""
    widths = [max(width(row[n]) for row in (heads, *rows)) for n in range(len(heads) - 1)]
    return "\n".join(
        "  ".join([*(fitted(cell, size) for cell, size in zip(row, widths, strict=False)), row[-1]]).rstrip()
        for row in (heads, *rows)
    )


def mode_line(status: BoxStatus) -> str:
    return f"{status.mode} ({status.feed})" if status.feed else status.mode


def source_state(source: SourceItem, now: int) -> str:
    """What is special about a source, else nothing."""
    if source.absent:
        return f"a favourite, {source.absence(now)}"
    if source.lost_since is not None:
        return f"lost {span((now - source.lost_since) / NS)} ago"
    if not source.confirmed:
        return "remembered, not yet seen"
    return "not sending" if source.sending is False else ""


def receiver_state(receiver: ReceiverItem, now: int) -> str:
    """How a receiver is doing, in a few words."""
    if receiver.pending is not None:
        return f"changing to {receiver.pending.label}"
    if not receiver.enabled:
        return "off"
    if receiver.fault:
        return f"fault: {receiver.fault}"
    if receiver.lost_since is not None:
        return f"source lost {span((now - receiver.lost_since) / NS)} ago"
    if receiver.signal is False:
        return "no signal"
    return "on" if receiver.phase == "idle" else receiver.phase


def fit_text(fit: Fit | None) -> str:
    """ "fits", or why not."""
    if fit is None:
        return ""
    return "fits" if fit.verdict == "yes" else fit.reason
