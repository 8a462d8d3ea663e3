"""Does a sender of the world fit a receiver of this box, as the panel shows it: yes, no and why, or not known yet.

Not known is no reason to refuse a take: it shows.
"""

from __future__ import annotations

from appliance.core.types import JSON
from appliance.discovery.world import SenderEntry
from appliance.nmos.caps.match import misfit
from appliance.nmos.caps.stream import Stream
from appliance.panel.items import Fit
from appliance.panel.text import MAX_SENTENCE, clean

YES = Fit("yes")


def stream_of(entry: SenderEntry) -> Stream:
    return Stream(entry.sender, entry.flow, entry.source, entry.api_version)


def fit(entry: SenderEntry, receiver: JSON) -> Fit:
    """Whether ``receiver`` (a v1.3 resource of this box) can take what the sender sends."""
    stream = stream_of(entry)
    if found := misfit(stream, receiver):
        return Fit("no", clean(found.reason, MAX_SENTENCE))
    return YES if stream.format else Fit("unknown", "its format is not known yet")
